"""robots: see README."""
