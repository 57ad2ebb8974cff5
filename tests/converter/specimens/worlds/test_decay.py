"""Corrosion of parts: it stays on the part, and looks like that of its metal."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.spec import Material
from converter.specimens.worlds.decay import corrode_part, find_attack
from converter.specimens.worlds.finishes import render_finish

SHAPE = (72, 72)


def left_half():
    """Return the outline of a part that fills the left half."""
    inside = np.zeros(SHAPE, np.float32)
    inside[:, :36] = 1.0
    return inside


@pytest.mark.parametrize("material", Material)
def test_corrosion_stays_on_the_part(material):
    """What is beside the outline never corrodes; on it some of it does, in every form."""
    forms = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        _, plate = render_finish(material, SHAPE, 0.2, rng)
        attack = find_attack(plate, material, left_half(), rng, coated=True)
        forms.add(attack.form)
        assert not attack.cover[:, 36:].any()
        assert attack.cover[:, :36].max() > 0.5
    assert len(forms) >= 4


def test_steel_rusts_red_and_aluminium_does_not():
    """Covered steel is warmer than covered aluminium, site by site in the mean."""
    warmth = {}
    for material in (Material.STEEL, Material.ALUMINIUM):
        found = []
        for seed in range(10):
            rng = np.random.default_rng(seed)
            _, plate = render_finish(material, SHAPE, 0.2, rng)
            corroded = corrode_part(plate, material, None, rng, coated=False)
            mean = corroded.reflectance[corroded.coverage > 0.9].mean(axis=0)
            found.append(mean[2] / mean[0])
        warmth[material] = np.median(found)
    assert warmth[Material.STEEL] > 1.5 * warmth[Material.ALUMINIUM]
