"""Keep the sessions of people who logged in, on the server's side, so that each can be ended at once.

The file outlives a restart. It is not part of the history: a backup that is brought back must not bring back
sessions that were ended.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from typing import TYPE_CHECKING

import msgspec

from edge_node.config.secret_files import describe_exposure
from edge_node.control_room.people.user_file import hash_secret
from edge_node.durable_file import replace_file
from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SESSIONS_NAME = "sessions.json"
MAX_SESSIONS = 2000
MAX_OF_USER = 20  # a person has so many browsers at most; the oldest session goes
_MAX_BYTES = 4 << 20

_log = logging.getLogger(__name__)


class Session(msgspec.Struct, frozen=True):
    """One login.

    Attributes:
        key: SHA-256 of what the browser's cookie holds.
        user: "" for the shared token.
        proof: of the user or the token at the time of the login; another one ends the session.
    """

    key: str
    user: str
    proof: str
    began_s: float
    expires_s: float


class Sessions:
    """The sessions of one control room; used by any thread."""

    def __init__(self, path: Path, lasts_s: float, now_s: Callable[[], float]) -> None:
        """Read the file.

        Args:
            path: of the file; None keeps sessions in memory only.
            lasts_s: time from login to expiry.
            now_s: Unix time that does not go back.
        """
        self._path = path
        self._lasts_s = lasts_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._sessions = {session.key: session for session in _read(path)}

    def open(self, user: str, proof: str) -> str:
        """Begin a session and return what the browser keeps in its cookie."""
        secret, now_s = secrets.token_urlsafe(32), self._now_s()
        session = Session(hash_secret(secret), user, proof, now_s, now_s + self._lasts_s)
        with self._lock:
            self._drop_expired()
            own = [one for one in self._sessions.values() if one.user == user and one.proof == proof]
            for old in sorted(own, key=_by_begin)[: max(0, len(own) + 1 - MAX_OF_USER)]:
                del self._sessions[old.key]
            if len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[min(self._sessions.values(), key=_by_begin).key]
            self._sessions[session.key] = session
            self._save()
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if it is ended or expired.

        One that lasts longer than any that begins now was begun by a clock that was ahead.
        """
        session = self._sessions.get(hash_secret(secret)) if secret else None
        if session is None or not 0 < session.expires_s - self._now_s() <= self._lasts_s:
            return None
        return session

    def end(self, key: str) -> None:
        """End a session, if it is there."""
        with self._lock:
            if self._sessions.pop(key, None) is not None and not self._save():
                # No restart may bring back what was ended; a full disk lets go of a file.
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)

    def count(self, user: str) -> int:
        """Return how many sessions of a user have not expired."""
        now_s = self._now_s()
        return sum(one.user == user and one.expires_s > now_s for one in list(self._sessions.values()))

    def _drop_expired(self) -> None:
        now_s = self._now_s()
        for session in list(self._sessions.values()):
            if session.expires_s <= now_s:
                del self._sessions[session.key]

    def _save(self) -> bool:
        try:
            replace_file(self._path, [msgspec.json.encode(list(self._sessions.values()))])
        except OSError as err:
            # What is in memory holds: nobody is kept out of the room by a full disk.
            _log.warning("%s: %s; a restart may end all sessions", self._path, err.strerror or err)
            return False
        return True


def _by_begin(session: Session) -> float:
    return session.began_s


def _read(path: Path) -> list[Session]:
    """Return the sessions of the last run; none if others could have written them."""
    try:
        content = read_bounded(path, _MAX_BYTES)
        if exposed := describe_exposure(path):
            _log.warning("%s; everybody has to log in again", exposed)
            return []
        return msgspec.json.decode(content, type=list[Session])
    except TextFileError as err:
        if not err.is_missing:
            _log.warning("%s: %s; everybody has to log in again", path, err)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        _log.warning("%s: damaged (%s); everybody has to log in again", path, err)
    return []
