"""Convert one graph to TFLite in a process of its own: modes, int8 steps, metadata."""
