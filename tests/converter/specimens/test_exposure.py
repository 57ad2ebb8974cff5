"""Lights and cameras of different sites."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.exposure import LIGHTS, take_wide_picture
from converter.specimens.rendering import render_plate
from tests.support.specimens import spec


@pytest.mark.parametrize("light", sorted(set(LIGHTS)))
def test_every_light_shows_the_plate(light):
    """A picture has its size, and in no light is it even: what must be learnt can be seen."""
    plate = render_plate(spec(hours=40.0), (85, 113), 0.2)
    for seed in range(3):
        pixels, camera = take_wide_picture(plate, (72, 96), light, np.random.default_rng(seed))
        assert pixels.shape == (72, 96, 3)
        assert pixels.std() > 3.0
        assert camera.view.shape == (3, 3)
