"""Define frames, parse the URIs of their sources, and read picture files."""
