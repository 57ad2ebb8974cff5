"""Store how often a login failed of which user at which network, for all web processes of a room."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, func, select

from edge_node.control_room.history.storage.dialect import insert_or_update
from edge_node.control_room.history.storage.process_tables import failed_login as _table

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database


class FailureRow(NamedTuple):
    """What is known of a pair of user and network; times in Unix seconds."""

    failures: int = 0
    until_s: float = 0.0
    checking_until_s: float = 0.0
    tried_s: float = 0.0


_VALUES = FailureRow._fields
_IS_PAIR = (_table.c.user == bindparam("who"), _table.c.network == bindparam("place"))
_FIND = select(*(_table.c[name] for name in _VALUES)).where(*_IS_PAIR)
_PUT = insert_or_update(_table, (_table.c.user, _table.c.network), _VALUES).values(
    {"user": bindparam("who"), "network": bindparam("place"), **{name: bindparam(name) for name in _VALUES}}
)
_DELETE = delete(_table).where(*_IS_PAIR)
_COUNT = select(func.count()).select_from(_table)
_DELETE_OLD = delete(_table).where(
    _table.c.until_s < bindparam("old_s"), _table.c.checking_until_s < bindparam("old_s")
)
_LONGEST_AGO = select(func.min(_table.c.tried_s))
_DELETE_LONGEST_AGO = delete(_table).where(_table.c.tried_s <= bindparam("oldest_s"))


def read_failures(database: Database, user: str, network: str) -> FailureRow | None:
    """Return what is known of a pair; in the open transaction."""
    row = database.peek(_FIND, {"who": user, "place": network})
    return None if row is None else FailureRow(*row)


def write_failures(database: Database, user: str, network: str, row: FailureRow) -> None:
    """Store what is known of a pair now."""
    database.write(_PUT, {"who": user, "place": network, **row._asdict()})


def forget_failures(database: Database, user: str, network: str) -> None:
    """Forget a pair."""
    database.write(_DELETE, {"who": user, "place": network})


def make_room(database: Database, most: int, old_s: float) -> None:
    """Forget pairs of before ``old_s`` where there are ``most``, and the one that tried longest ago."""
    if count_pairs(database) < most:
        return
    database.write(_DELETE_OLD, {"old_s": old_s})
    oldest = database.peek(_LONGEST_AGO)
    if oldest is not None and oldest[0] is not None:
        database.write(_DELETE_LONGEST_AGO, {"oldest_s": oldest[0]})


def count_pairs(database: Database) -> int:
    """Count the pairs of which something is known; in the open transaction."""
    found = database.peek(_COUNT)
    return int(found[0]) if found else 0
