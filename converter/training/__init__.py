"""Retrain heads, and backbones if asked, on labelled photographs."""
