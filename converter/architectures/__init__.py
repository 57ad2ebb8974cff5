"""architectures: see README."""
