"""Shapes of parts: every kind is met, cut-outs have an outline, welds a tint."""

from __future__ import annotations

import numpy as np

from converter.specimens.worlds.parts import choose_part

SHAPE = (60, 60)


def test_every_kind_of_part_is_met():
    """Each drawn kind has a height and crevices from 0 to 1; welds have heat; loose parts an outline."""
    rng = np.random.default_rng(1)
    kinds = {}
    for _ in range(150):
        name, part = choose_part(SHAPE, 60 / 360, rng)
        kinds[name] = part
        assert part.relief.shape == SHAPE
        assert 0.0 <= part.crevice.min() <= part.crevice.max() <= 1.0
    assert len(kinds) == 15
    assert kinds["weld"].heat is not None
    assert kinds["surface"].inside is None
    for name in ("holed part", "fasteners", "bars", "pierced", "box"):
        assert kinds[name].inside.min() == 0.0
