"""Slow down guessing over all web processes of a room: the failed logins are counted in its history."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select

from edge_node.control_room.history.storage.dialect import insert_or_update
from edge_node.control_room.history.storage.process_tables import failed_login
from edge_node.control_room.people.failed_logins import FORGET_S, MAX_PAIRS, find_delay_s, network_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database

_CHECK_S = 30.0  # a try that is not ended by then was that of a process that died

_table = failed_login
_VALUES = ("count", "until_s", "checking_until_s", "tried_s")
_IS_PAIR = (_table.c.user == bindparam("who"), _table.c.network == bindparam("where"))
_FIND = select(*(_table.c[name] for name in _VALUES)).where(*_IS_PAIR)
_PUT = insert_or_update(_table, (_table.c.user, _table.c.network), _VALUES).values(
    {"user": bindparam("who"), "network": bindparam("where"), **{name: bindparam(name) for name in _VALUES}}
)
_DELETE = delete(_table).where(*_IS_PAIR)
_COUNT = select(func.count()).select_from(_table)
_DELETE_OLD = delete(_table).where(
    _table.c.until_s < bindparam("old_s"), _table.c.checking_until_s < bindparam("old_s")
)
_LONGEST_AGO = select(func.min(_table.c.tried_s))
_DELETE_LONGEST_AGO = delete(_table).where(_table.c.tried_s <= bindparam("oldest_s"))


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
        pair, now_s = {"who": user, "where": network_of(address)}, self._now_s()
        with self._database.transaction():  # one at a time: many tries at once are no way around
            row = self._database.peek(_FIND, pair)
            count, until_s, checking_until_s, _ = row or (0, 0.0, 0.0, 0.0)
            if checking_until_s > now_s:
                return 1.0
            if until_s > now_s:
                return float(until_s - now_s)
            if now_s - until_s > FORGET_S:
                count = 0
            if row is None:
                self._make_room(now_s)
            checking = {"count": count, "until_s": until_s, "checking_until_s": now_s + _CHECK_S}
            self._database.write(_PUT, {**pair, **checking, "tried_s": now_s})
        return 0.0

    def end(self, user: str, address: str, *, failed: bool | None) -> int:
        """End a try and return how many failed in a row; None: it was not made."""
        pair, now_s = {"who": user, "where": network_of(address)}, self._now_s()
        with self._database.transaction():
            row = self._database.peek(_FIND, pair)
            if row is None:
                return 0
            count, until_s, _, tried_s = row
            if failed is not None:
                count = count + 1 if failed else 0
            if not count:
                self._database.write(_DELETE, pair)
                return 0
            if failed:
                until_s = now_s + find_delay_s(count)
            values = {"count": count, "until_s": until_s, "checking_until_s": 0.0, "tried_s": tried_s}
            self._database.write(_PUT, {**pair, **values})
        return int(count)

    def _make_room(self, now_s: float) -> None:
        """Forget pairs that failed long ago, and if that is not enough, the one that tried longest ago."""
        found = self._database.peek(_COUNT)
        if found is None or found[0] < MAX_PAIRS:
            return
        self._database.write(_DELETE_OLD, {"old_s": now_s - FORGET_S})
        oldest = self._database.peek(_LONGEST_AGO)
        if oldest is not None and oldest[0] is not None:
            self._database.write(_DELETE_LONGEST_AGO, {"oldest_s": oldest[0]})
