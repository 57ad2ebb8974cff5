"""Keep the sessions of people who logged in where all web processes of a room find them: in its history.

Each request looks there, so that a session that is ended at one process is ended at all of them at once.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, select

from edge_node.control_room.history.sql_filters import LIMIT
from edge_node.control_room.history.storage.process_tables import login_session
from edge_node.control_room.people.sessions import MAX_OF_USER, MAX_SESSIONS, Session
from edge_node.control_room.people.user_file import hash_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database

_table = login_session
_COLUMNS = ("key", "user", "proof", "began_s", "expires_s")
_INSERT = insert(_table).values({name: bindparam(name) for name in _COLUMNS})
_FIND = select(*(_table.c[name] for name in _COLUMNS)).where(_table.c.key == bindparam("hashed"))
_END = delete(_table).where(_table.c.key == bindparam("hashed"))
_DROP_EXPIRED = delete(_table).where(_table.c.expires_s <= bindparam("at_s"))
_OF_USER = (_table.c.user == bindparam("who"), _table.c.proof == bindparam("proven"))
_COUNT_OF_USER = select(func.count()).where(*_OF_USER)
_COUNT = select(func.count()).select_from(_table)
_RUNNING = select(func.count()).where(
    _table.c.user == bindparam("who"), _table.c.expires_s > bindparam("at_s")
)
_OLDEST_OF_USER = select(_table.c.key).where(*_OF_USER).order_by(_table.c.began_s).limit(LIMIT)
_OLDEST = select(_table.c.key).order_by(_table.c.began_s).limit(LIMIT)


class SharedSessions:
    """The sessions of one room in its history; used by any thread of any process."""

    def __init__(self, database: Database, lasts_s: float, now_s: Callable[[], float]) -> None:
        """Read and write ``database``; a session lasts ``lasts_s`` by ``now_s``, Unix time."""
        self._database = database
        self._lasts_s = lasts_s
        self._now_s = now_s

    def open(self, user: str, proof: str) -> str:
        """Begin a session and return what the browser keeps in its cookie.

        Raises:
            HistoryError: the history cannot be written.
        """
        secret, now_s = secrets.token_urlsafe(32), self._now_s()
        named = {"who": user, "proven": proof}
        with self._database.transaction(robots=()):
            self._database.write(_DROP_EXPIRED, {"at_s": now_s})
            self._make_room(_COUNT_OF_USER, _OLDEST_OF_USER, named, MAX_OF_USER)
            self._make_room(_COUNT, _OLDEST, {}, MAX_SESSIONS)
            values = (hash_secret(secret), user, proof, now_s, now_s + self._lasts_s)
            self._database.write(_INSERT, dict(zip(_COLUMNS, values)))  # noqa: B905  one each
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if it is ended or expired.

        Raises:
            HistoryError: the history cannot be read.
        """
        rows = self._database.rows(_FIND, {"hashed": hash_secret(secret)}) if secret else []
        session = Session(*rows[0]) if rows else None
        if session is None or not 0 < session.expires_s - self._now_s() <= self._lasts_s:
            return None
        return session

    def end(self, key: str) -> None:
        """End a session, if it is there.

        Raises:
            HistoryError: the history cannot be written.
        """
        with self._database.transaction(robots=()):
            self._database.write(_END, {"hashed": key})

    def count(self, user: str) -> int:
        """Return how many sessions of a user have not expired."""
        return int(self._database.rows(_RUNNING, {"who": user, "at_s": self._now_s()})[0][0])

    def _make_room(self, count: object, oldest: object, named: dict[str, str], most: int) -> None:
        found = self._database.peek(count, named)  # type: ignore[arg-type]
        surplus = (found[0] if found else 0) + 1 - most
        if surplus > 0:
            for (key,) in self._database.rows(oldest, {**named, "limit": surplus}):  # type: ignore[arg-type]
                self._database.write(_END, {"hashed": key})
