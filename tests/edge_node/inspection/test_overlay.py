"""The overlay of a corrosion map."""

from __future__ import annotations

import cv2
import numpy as np

from edge_node.inspection.overlay import draw_overlay


def test_what_counts_as_corroded_is_outlined_and_keeps_its_pixels():
    """People judge the surface: the line runs outside of it, the rest keeps its bytes, text stands below."""
    pixels = np.random.default_rng(5).integers(60, 200, (320, 480, 3), dtype=np.uint8)
    before = pixels.copy()
    probability = np.zeros((8, 12), np.float32)
    probability[3:6, 4:8] = 1.0
    drawn = draw_overlay(pixels, probability, ["corroded 0.99", "material steel > steel corroded"])
    inside = cv2.resize(probability, (480, 320), interpolation=cv2.INTER_LINEAR) >= 0.5
    changed = (drawn[:320] != pixels).any(axis=-1)
    assert not changed[inside].any()
    assert 0.005 < changed.mean() < 0.05
    blue, green, red = drawn[:320][changed].mean(axis=0)
    assert blue > red > green  # violet
    assert drawn.shape[0] > 320
    assert drawn[320:].max() > 200
    assert np.array_equal(pixels, before)


def test_a_picture_that_is_corroded_all_over_has_its_line_at_the_edge():
    """Where there is nothing outside, the line lies within; the middle keeps its pixels."""
    pixels = np.full((160, 240, 3), 120, np.uint8)
    drawn = draw_overlay(pixels, np.ones((7, 7), np.float32), [])
    assert (drawn[0] != 120).any(axis=-1).all()
    assert (drawn[4:-4, 4:-4] == 120).all()
