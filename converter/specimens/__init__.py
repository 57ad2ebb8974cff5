"""specimens: see README."""
