"""config: see README."""
