"""messages: see README."""
