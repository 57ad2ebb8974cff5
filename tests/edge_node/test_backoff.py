"""Delays between attempts."""

from __future__ import annotations

import random

from edge_node.backoff import FIRST_S, MOST_S, Backoff


def test_backoff_grows_to_half_a_minute_and_is_never_in_step() -> None:
    """Delays grow, stay below 30 s, differ between robots, and begin again after progress."""
    delays = [Backoff(random.Random(seed)) for seed in (1, 2)]  # noqa: S311  a test's dice
    first, second = ([backoff.next_s() for _ in range(20)] for backoff in delays)
    assert first != second
    assert FIRST_S / 2 <= first[0] <= FIRST_S
    assert all(MOST_S / 2 <= delay <= MOST_S for delay in first[10:])
    delays[0].reset()
    assert delays[0].next_s() <= FIRST_S
    delays[0].calm()
    assert delays[0].next_s() >= 2.5
