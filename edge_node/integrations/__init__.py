"""Offer the messages to other systems: Home Assistant, Node-RED, Sparkplug B, JSON Schema and AsyncAPI."""
