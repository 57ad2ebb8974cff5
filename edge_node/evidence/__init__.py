"""evidence: see README."""
