"""data: see README."""
