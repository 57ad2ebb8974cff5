"""Slow down guessing over all web processes of a room: the failed logins are counted in its history."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.control_room.history.processes.failure_rows import (
    FailureRow,
    forget_failures,
    make_room,
    read_failures,
    write_failures,
)
from edge_node.control_room.people.failed_logins import FORGET_S, MAX_PAIRS, find_delay_s, network_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database

_CHECK_S = 30.0  # a try that is not ended by then was that of a process that died


class SharedFailures:
    """Counts failed logins of each pair of user and address, in the history; used by any thread."""

    def __init__(self, database: Database, now_s: Callable[[], float] = time.time) -> None:
        """Count in ``database``; ``now_s`` is Unix time, about the same on all machines of the room."""
        self._database = database
        self._now_s = now_s

    def begin(self, user: str, address: str) -> float:
        """Return how long to wait before the next try, s; if 0, the try is counted until ``end``.

        Raises:
            HistoryError: the history cannot be written; nobody may try then.
        """
        network, now_s = network_of(address), self._now_s()
        with self._database.transaction():  # one at a time: many tries at once are no way around
            known = read_failures(self._database, user, network)
            if known is None:
                make_room(self._database, MAX_PAIRS, now_s - FORGET_S)
            found = known or FailureRow()
            if found.checking_until_s > now_s:
                return 1.0
            if found.until_s > now_s:
                return found.until_s - now_s
            count = found.failures if now_s - found.until_s <= FORGET_S else 0
            row = FailureRow(count, found.until_s, now_s + _CHECK_S, now_s)
            write_failures(self._database, user, network, row)
        return 0.0

    def end(self, user: str, address: str, *, failed: bool | None) -> int:
        """End a try and return how many failed in a row; None: it was not made."""
        network, now_s = network_of(address), self._now_s()
        with self._database.transaction():
            found = read_failures(self._database, user, network)
            if found is None:
                return 0
            count = found.failures if failed is None else found.failures + 1 if failed else 0
            if not count:
                forget_failures(self._database, user, network)
                return 0
            until_s = now_s + find_delay_s(count) if failed else found.until_s
            row = FailureRow(count, until_s, 0.0, found.tried_s)
            write_failures(self._database, user, network, row)
        return count
