"""Colours on a plate: from sRGB to linear light, and mixed by a share."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.plate import linear, mix_colours, repeat_channels


def test_a_colour_becomes_linear_and_blue_comes_first() -> None:
    """OpenCV's order; white is 1 and half of the code is far less than half of the light."""
    np.testing.assert_allclose(linear(255, 0, 0), [0.0, 0.0, 1.0])
    assert linear(128, 128, 128)[0] == pytest.approx((128 / 255) ** 2.2, rel=1e-5)
    assert linear(1, 2, 3).dtype == np.float32


def test_a_share_of_0_leaves_the_base_and_of_1_the_colour() -> None:
    """One colour for the whole plate or one for each position: the same."""
    base = np.random.default_rng(0).random((2, 3, 3), dtype=np.float32)
    share = np.array([[0.0, 1.0, 0.5], [0.25, 0.0, 1.0]], np.float32)
    colour = linear(200, 100, 50)
    mixed = mix_colours(base, colour, share)
    np.testing.assert_array_equal(mixed[0, 0], base[0, 0])
    np.testing.assert_allclose(mixed[0, 1], colour, rtol=1e-6)
    np.testing.assert_allclose(mixed[0, 2], (base[0, 2] + colour) / 2, rtol=1e-5)
    everywhere = np.broadcast_to(colour, base.shape).copy()
    np.testing.assert_allclose(mix_colours(base, everywhere, share), mixed, rtol=1e-5)


def test_a_field_is_repeated_for_each_channel() -> None:
    """Three equal planes."""
    field = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(repeat_channels(field), np.stack([field] * 3, axis=-1))
