"""Store who is logged in, where all web processes of a room find it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select

from edge_node.control_room.history.sql_filters import LIMIT
from edge_node.control_room.history.storage.process_tables import login_session as _table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Executable

    from edge_node.control_room.history.database import Database


class SessionRow(NamedTuple):
    """One login; ``key`` is a hash of what the browser keeps, ``proof`` of how the user logs in."""

    key: str
    user: str
    proof: str
    began_s: float
    expires_s: float


_COLUMNS = SessionRow._fields
_INSERT = insert(_table).values({name: bindparam(name) for name in _COLUMNS})
_FIND = select(*(_table.c[name] for name in _COLUMNS)).where(_table.c.key == bindparam("hashed"))
_END = delete(_table).where(_table.c.key == bindparam("hashed"))
_DROP_EXPIRED = delete(_table).where(_table.c.expires_s <= bindparam("at_s"))
_OF_USER = (_table.c.user == bindparam("who"), _table.c.proof == bindparam("proven"))
_COUNT_OF_USER = select(func.count()).where(*_OF_USER)
_OLDEST_OF_USER = select(_table.c.key).where(*_OF_USER).order_by(_table.c.began_s).limit(LIMIT)
_COUNT = select(func.count()).select_from(_table)
_OLDEST = select(_table.c.key).order_by(_table.c.began_s).limit(LIMIT)
_RUNNING = select(func.count()).where(
    _table.c.user == bindparam("who"), _table.c.expires_s > bindparam("at_s")
)


def add_session(database: Database, row: SessionRow, *, most_of_user: int, most: int) -> None:
    """Store a login; beyond so many of its user, and of all, the oldest go."""
    with database.transaction(robots=()):
        database.write(_DROP_EXPIRED, {"at_s": row.began_s})
        _make_room(
            database, (_COUNT_OF_USER, _OLDEST_OF_USER), {"who": row.user, "proven": row.proof}, most_of_user
        )
        _make_room(database, (_COUNT, _OLDEST), {}, most)
        database.write(_INSERT, row._asdict())


def find_session(database: Database, key: str) -> SessionRow | None:
    """Return a login by its key."""
    rows = database.rows(_FIND, {"hashed": key})
    return SessionRow(*rows[0]) if rows else None


def delete_session(database: Database, key: str) -> None:
    """Delete a login, if it is there."""
    with database.transaction(robots=()):
        database.write(_END, {"hashed": key})


def count_sessions(database: Database, user: str, now_s: float) -> int:
    """Count the logins of a user that have not expired."""
    return int(database.rows(_RUNNING, {"who": user, "at_s": now_s})[0][0])


def _make_room(
    database: Database, queries: tuple[Executable, Executable], named: Mapping[str, str], most: int
) -> None:
    count, oldest = queries
    found = database.peek(count, named)
    surplus = (found[0] if found else 0) + 1 - most
    if surplus > 0:
        for (key,) in database.rows(oldest, {**named, "limit": surplus}):
            database.write(_END, {"hashed": key})
