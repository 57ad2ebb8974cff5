"""Painting on a photograph: what is not covered stays, and the light of the photograph remains."""

from __future__ import annotations

import cv2
import numpy as np

from converter.specimens.sets.painting import cut_picture, paint
from converter.specimens.spec import Material


def half_lit():
    """Return a grey plate, 96x96, bright on the left and dark on the right."""
    pixels = np.full((96, 96, 3), 150, np.uint8)
    pixels[:, 48:] = 50
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 3), np.uint8)


def test_rust_lies_in_the_light_of_the_photograph():
    """Rust in the shadow is darker than rust in the light; where none is, the photograph is as it was."""
    shares = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        pixels, mask = paint(half_lit(), None, Material.STEEL, rng, corroded=True)
        light, dark = mask[:, :40] > 0, mask[:, 56:] > 0
        if light.sum() > 50 and dark.sum() > 50:
            shares.append(pixels[:, :40][light].mean() / pixels[:, 56:][dark].mean())
    assert len(shares) >= 4
    assert np.median(shares) > 1.3


def test_dirt_alone_has_an_empty_mask():
    """A picture that stays uncorroded has no mask, whatever was painted on it."""
    for seed in range(6):
        _, mask = paint(half_lit(), None, Material.ALUMINIUM, np.random.default_rng(seed), corroded=False)
        assert not mask.any()


def test_an_object_before_an_even_ground_is_found():
    """Corrosion is painted on the object, not on the table that it lies on."""
    pixels = np.full((200, 200, 3), 225, np.uint8)
    pixels[60:140, 60:140] = (90, 80, 70)
    part, inside = cut_picture(pixels, (96, 96), np.random.default_rng(0))
    assert part.shape == (96, 96, 3)
    assert inside is not None
    dark = part[:, :, 0] < 150
    assert inside[dark].mean() > 0.8
    assert inside[~dark].mean() < 0.2
