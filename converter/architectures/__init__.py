"""Backbones by name, with their weights."""
