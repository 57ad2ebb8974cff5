"""The overlay of a corrosion map."""

from __future__ import annotations

import numpy as np

from edge_node.inspection.overlay import draw_overlay


def test_the_overlay_colours_only_where_corrosion_is_probable():
    """The left half changes, the right half keeps its bytes, and the lines stand below the picture."""
    pixels = np.full((64, 96, 3), 120, np.uint8)
    probability = np.zeros((4, 6), np.float32)
    probability[:, :2] = 1.0
    drawn = draw_overlay(pixels, probability, ["corroded 0.99", "material steel > steel corroded"])
    assert drawn.shape[0] > 64
    assert (drawn[:64, 60:] == 120).all()
    assert (drawn[:64, :16] != 120).any(axis=-1).all()
    assert drawn[64:].max() > 200
    assert (pixels == 120).all()
