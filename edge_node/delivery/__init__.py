"""delivery: see README."""
