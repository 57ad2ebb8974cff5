"""bench: see README."""
