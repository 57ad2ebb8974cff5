"""integrations: see README."""
