"""history: see README."""
