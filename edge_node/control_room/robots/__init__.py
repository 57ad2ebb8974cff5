"""Talk back to robots: commands, reviews and bundles."""
