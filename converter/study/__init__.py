"""study: see README."""
