"""inspection: see README."""
