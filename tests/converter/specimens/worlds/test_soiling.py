"""Soil and heat tint change how a part looks, and are no corrosion."""

from __future__ import annotations

import numpy as np

from converter.specimens.spec import Material
from converter.specimens.worlds.finishes import render_finish
from converter.specimens.worlds.parts import choose_part
from converter.specimens.worlds.soiling import brown_part, mud, soil_part, tint_by_heat

SHAPE = (72, 72)


def test_soil_is_no_corrosion():
    """After dirt, paint, grease and water nothing is covered by corrosion, and the plate looks different."""
    rng = np.random.default_rng(3)
    _, plate = render_finish(Material.STEEL, SHAPE, 0.2, rng)
    for soil in (mud, brown_part, soil_part):
        for _ in range(6):
            assert not soil(plate, rng).coverage.any()
    assert np.abs(mud(plate, rng).reflectance - plate.reflectance).max() > 0.02


def test_a_weld_is_tinted_beside_its_bead_and_nothing_else_is():
    """Heat tint is drawn where a part has a weld; parts without one stay as they are."""
    rng = np.random.default_rng(0)
    _, plate = render_finish(Material.STEEL, SHAPE, 0.2, rng)
    parts = dict(choose_part(SHAPE, 0.2, rng) for _ in range(60))
    tinted = tint_by_heat(plate, parts["weld"], rng)
    assert np.abs(tinted.reflectance - plate.reflectance).max() > 0.02
    assert not tinted.coverage.any()
    assert tint_by_heat(plate, parts["surface"], rng) is plate
