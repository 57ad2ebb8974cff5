"""Read rows by a key that counts up, though transactions of other processes commit out of its order. No I/O.

A row with a smaller key may appear after one with a larger: its transaction took the key first and committed
later. So keys that were passed over are looked for again, until no transaction can last so long.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATIENCE_S = 30.0  # longer than any transaction of an ingest; a rolled back one leaves its keys free for ever
_MAX_HOLES = 200  # ranges of keys; beyond, the oldest are given up


class Positions:
    """Which keys of a table were read; belongs to one thread."""

    def __init__(self, newest: int, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin behind ``newest``: only larger keys are wanted."""
        self._newest = newest
        self._now_s = now_s
        self._holes: list[tuple[int, int, float]] = []  # first and last key, and since when

    @property
    def newest(self) -> int:
        """The largest key that was read."""
        return self._newest

    @property
    def holes(self) -> list[tuple[int, int]]:
        """Ranges of smaller keys to look for again."""
        now_s = self._now_s()
        self._holes = [one for one in self._holes if now_s - one[2] < PATIENCE_S][-_MAX_HOLES:]
        return [(first, last) for first, last, _ in self._holes]

    def note(self, keys: Iterable[int]) -> None:
        """Note keys that were read."""
        for key in sorted(keys):
            if key > self._newest:
                if key > self._newest + 1:
                    self._holes.append((self._newest + 1, key - 1, self._now_s()))
                self._newest = key
            else:
                self._close(key)

    def _close(self, key: int) -> None:
        for place, (first, last, since_s) in enumerate(self._holes):
            if first <= key <= last:
                parts = [(first, key - 1, since_s), (key + 1, last, since_s)]
                self._holes[place : place + 1] = [part for part in parts if part[0] <= part[1]]
                return
