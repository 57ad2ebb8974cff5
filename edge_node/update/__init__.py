"""Receive signed bundles, try them beside live frames, keep them or roll back."""
