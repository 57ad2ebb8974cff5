"""evaluation: see README."""
