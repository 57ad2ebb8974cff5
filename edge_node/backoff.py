"""Compute the delay before the next attempt: growing, and random so that robots spread. Pure."""

from __future__ import annotations

import random

FIRST_S = 0.5
MOST_S = 30.0  # a robot reconnects within half a minute of its broker's return
_FACTOR = 1.8
_CALM_ATTEMPTS = 4  # 2.6-5.2 s


class Backoff:
    """Give growing delays between attempts; half of each is random, so that a fleet spreads."""

    def __init__(self, generator: random.Random | None = None) -> None:
        self._random = generator or random.Random()  # noqa: S311  no secret
        self._attempts = 0

    def next_s(self) -> float:
        """Return the next delay in seconds: 0.25-0.5 at first, 15-30 in the end."""
        whole = min(MOST_S, FIRST_S * _FACTOR ** min(self._attempts, 32))
        self._attempts += 1
        return whole * self._random.uniform(0.5, 1.0)

    def calm(self) -> None:
        """Let the next delay be some seconds at least: trying again at once would make it worse."""
        self._attempts = max(self._attempts, _CALM_ATTEMPTS)

    def reset(self) -> None:
        """Begin again with the shortest delay, after a success."""
        self._attempts = 0
