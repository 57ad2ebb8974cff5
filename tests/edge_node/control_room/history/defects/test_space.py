"""The alignment of places in space."""

from __future__ import annotations

import numpy as np

from edge_node.control_room.history.defects.space import align_in_space
from edge_node.control_room.history.defects.spots import Anchor, Look, Spot


def test_a_shift_and_a_stretch_are_found() -> None:
    """Twelve places, one of which is new: each is what it is, and lies where it is known to lie."""
    rng = np.random.default_rng(2)
    known = rng.uniform(0, 12, (12, 3))
    shift = np.array([0.3, -0.2, 0.1])
    old = (known[:11] + shift) / 1.03 + rng.normal(0, 0.03, (11, 3))
    own = np.vstack([old, [[20.0, 20.0, 20.0]]])
    seen = [Spot((n,), 0.0, Look()) for n in range(12)], [Anchor(n, 0.0, Look()) for n in range(12)]
    probability, moved = align_in_space(own, known, seen, 0.05)
    assert probability[:11].argmax(axis=1).tolist() == list(range(11))
    assert probability[:11].max(axis=1).min() > 0.9
    assert probability[11].sum() < 0.1
    assert np.abs(moved[:11] - known[:11]).max() < 0.2


def test_two_that_lie_together_are_not_told_apart() -> None:
    """One place was seen between two known ones: neither is sure."""
    known = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]])
    seen = [Spot((1,), 0.0, Look())], [Anchor(n, 0.0, Look()) for n in range(2)]
    probability, _ = align_in_space(np.array([[0.05, 0.0, 0.0]]), known, seen, None)
    assert probability.max() < 0.7
