"""daemon: see README."""
