"""The same messages for other systems: Home Assistant, Node-RED, Sparkplug B, JSON Schema and AsyncAPI."""
