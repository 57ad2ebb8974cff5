"""inference: see README."""
