"""conversion: see README."""
