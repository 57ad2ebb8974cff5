"""Send commands, reviews and bundles to robots."""
