"""Frames, the URIs of their sources, and pictures as files."""
