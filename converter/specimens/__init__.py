"""Render pictures of metal plates with a known truth."""
