"""Finishes of metal: each bare one mirrors, paint does not, and coats of rust's colours are frequent."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.spec import Material
from converter.specimens.worlds.finishes import random_paint, render_finish


@pytest.mark.parametrize("material", Material)
def test_bare_finishes_mirror_and_paint_does_not(material):
    """Whether a surface mirrors follows its name; nothing is corroded yet."""
    rng = np.random.default_rng(2)
    for _ in range(12):
        name, plate = render_finish(material, (72, 72), 0.2, rng)
        assert bool(plate.metal.any()) != name.startswith("paint")
        assert not plate.coverage.any()


def test_paint_is_often_as_warm_as_rust():
    """Red oxide, brown and orange coats are frequent: they must not be taken for rust."""
    rng = np.random.default_rng(0)
    paints = np.array([random_paint(rng) for _ in range(300)])
    assert 0.3 < (paints[:, 2] > 1.3 * paints[:, 0]).mean() < 0.8
