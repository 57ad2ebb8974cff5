"""Pictures of parts: same spec same bytes, clean ones have no mask, every second one is corroded."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from converter.specimens.spec import Material
from converter.specimens.worlds.world import WorldSpec, plan_worlds, render_world


@pytest.mark.parametrize("material", Material)
def test_a_world_repeats_and_keeps_its_truth(material):
    """Equal specs give equal bytes; a clean part has an empty mask, a corroded one its share."""
    for seed, corroded in itertools.product((1, 2), (False, True)):
        spec = WorldSpec(material, corroded=corroded, seed=seed, view=int(corroded))
        first, second = (render_world(spec, 96, 72) for _ in range(2))
        assert first.pixels.tobytes() == second.pixels.tobytes()
        assert first.mask.tobytes() == second.mask.tobytes()
        assert first.pixels.shape == (72, 96, 3)
        assert first.area_fraction == pytest.approx(np.count_nonzero(first.mask) / first.mask.size)
        if not corroded:
            assert (first.corroded, first.form, first.severity) == (False, "none", "none")


def test_plans_are_balanced():
    """Half of the pictures are to corrode and half are aluminium; both pictures of a part share its seed."""
    specs = list(plan_worlds(32, seed=3))
    assert sum(spec.corroded for spec in specs) == 16
    assert sum(spec.material is Material.ALUMINIUM for spec in specs) == 16
    assert all(one.seed == two.seed for one, two in zip(specs[::2], specs[1::2], strict=True))
