"""shadow: see README."""
