"""How long to wait before the next attempt: longer each time, never two robots in step. Pure."""

from __future__ import annotations

import random

FIRST_S = 0.5
MOST_S = 30.0  # a robot is back within half a minute of its broker
_FACTOR = 1.8
_CALM_ATTEMPTS = 4  # 2.6-5.2 s


class Backoff:
    """Delays between attempts; half of each is random, so that a fleet does not return as one."""

    def __init__(self, generator: random.Random | None = None) -> None:
        self._random = generator or random.Random()  # noqa: S311  no secret
        self._attempts = 0

    def next_s(self) -> float:
        """Return the next delay in seconds: 0.25-0.5 at first, 15-30 in the end."""
        whole = min(MOST_S, FIRST_S * _FACTOR ** min(self._attempts, 32))
        self._attempts += 1
        return whole * self._random.uniform(0.5, 1.0)

    def calm(self) -> None:
        """Wait some seconds next, not less: trying again at once makes it worse."""
        self._attempts = max(self._attempts, _CALM_ATTEMPTS)

    def reset(self) -> None:
        """Begin again: there was progress."""
        self._attempts = 0
