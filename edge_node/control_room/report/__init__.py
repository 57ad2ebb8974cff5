"""report: see README."""
