"""Light changes the picture of a specimen and not its truth."""

from __future__ import annotations

import itertools

import numpy as np

from converter.specimens.rendering import render
from converter.specimens.spec import Light
from tests.support.specimens import SIZE, spec


def test_light_leaves_the_truth_alone():
    """The same view under every light shows different pixels and the same mask."""
    specimens = [render(spec(hours=40.0, light=light, seed=7), *SIZE) for light in Light]
    assert all(np.array_equal(specimens[0].mask, specimen.mask) for specimen in specimens)
    for one, other in itertools.pairwise(specimens):
        assert not np.array_equal(one.pixels, other.pixels)
