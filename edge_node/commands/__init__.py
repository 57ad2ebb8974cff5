"""commands: see README."""
