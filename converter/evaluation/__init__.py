"""Measure bundles and graphs on labelled pictures: accuracy, agreement with float, maps, thresholds."""
