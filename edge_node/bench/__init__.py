"""Measure what the node costs beside the bare interpreter, in one run."""
