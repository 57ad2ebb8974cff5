"""Rooms, landscapes, terrain, roofs and textures of games."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.things import views


@pytest.mark.parametrize("maker", ["game", "room", "landscape", "terrain", "roof"])
def test_views_are_no_metal(maker):
    """Nothing of it mirrors, and it fills the picture."""
    plate = getattr(views, maker)((72, 96), 0.2, np.random.default_rng(4))
    assert not plate.metal.any()
    assert plate.reflectance.shape == (72, 96, 3)
    assert plate.reflectance.std() > 0.005
