"""findings: see README."""
