"""web: see README."""
