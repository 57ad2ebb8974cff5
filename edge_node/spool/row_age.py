"""Tell the age of a row by monotonic time as far as possible: the clock that dates rows may be set."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RowAge:
    """Compute ages of the rows of one spool from when it was opened."""

    def __init__(
        self,
        last_position: int,
        wall_s: Callable[[], float],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin now; rows up to ``last_position`` were appended before."""
        self._last_position = last_position
        self._wall_s = wall_s
        self._monotonic_s = monotonic_s
        self._opened_s, self._opened_at_s = monotonic_s(), wall_s()

    def age_s(self, row: tuple[int, float] | None) -> float | None:
        """Return the age of a row, given its position and when it was appended; None without one.

        A row from before counts from its date to the opening, and then by monotonic time. A later one is no
        older than the opening, whatever the wall clock says now. None has a negative age.
        """
        if row is None:
            return None
        position, appended_at_s = row
        open_for_s = self._monotonic_s() - self._opened_s
        if position <= self._last_position:
            age_s = max(0.0, self._opened_at_s - appended_at_s) + open_for_s
        else:
            age_s = min(max(0.0, self._wall_s() - appended_at_s), open_for_s)
        return round(age_s, 3)
