"""quantize: see README."""
