"""Surfaces of one material: each is matte, and drawn anew for each seed."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.things import mottled

MAKERS = ("plaster", "mud", "leather", "cardboard", "marble", "fur", "bark", "snow", "skin", "rubber")


@pytest.mark.parametrize("maker", MAKERS)
def test_a_surface_is_no_metal(maker):
    """Nothing of it mirrors or corrodes, its colours are reflectances, and a seed gives it again."""
    first, second = (getattr(mottled, maker)((72, 96), 0.2, np.random.default_rng(4)) for _ in range(2))
    assert not first.metal.any()
    assert not first.coverage.any()
    assert first.reflectance.shape == (72, 96, 3)
    assert 0.0 < first.reflectance.min() < first.reflectance.max() <= 1.0
    np.testing.assert_array_equal(first.reflectance, second.reflectance)
