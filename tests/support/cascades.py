"""Cascades of one stage for tests."""

from __future__ import annotations

from converter.graphs.label_meanings import derive_meanings
from edge_node.inference.manifest import Cascade, Stage


def cascade_of(*labels):
    """Return a cascade whose one stage tells these labels."""
    stage = Stage(name="s", labels=labels, model="m", output="o", meanings=derive_meanings(labels))
    return Cascade(root="s", stages=(stage,))
