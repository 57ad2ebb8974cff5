"""Labelled pictures: the table, splits by specimen, calibration pictures, the true label of a stage."""
