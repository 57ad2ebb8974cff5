"""robot: see README."""
