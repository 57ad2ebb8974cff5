"""Keep the sessions of people who logged in where all web processes of a room find them: in its history.

Each request looks there, so that a session that is ended at one process is ended at all of them at once.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from edge_node.control_room.history.processes.session_rows import (
    SessionRow,
    add_session,
    count_sessions,
    delete_session,
    find_session,
)
from edge_node.control_room.people.sessions import MAX_OF_USER, MAX_SESSIONS, Session
from edge_node.control_room.people.user_file import hash_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database


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
        row = SessionRow(hash_secret(secret), user, proof, now_s, now_s + self._lasts_s)
        add_session(self._database, row, most_of_user=MAX_OF_USER, most=MAX_SESSIONS)
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if it is ended or expired.

        Raises:
            HistoryError: the history cannot be read.
        """
        row = find_session(self._database, hash_secret(secret)) if secret else None
        if row is None or not 0 < row.expires_s - self._now_s() <= self._lasts_s:
            return None
        return Session(*row)

    def end(self, key: str) -> None:
        """End a session, if it is there.

        Raises:
            HistoryError: the history cannot be written.
        """
        delete_session(self._database, key)

    def count(self, user: str) -> int:
        """Return how many sessions of a user have not expired."""
        return count_sessions(self._database, user, self._now_s())
