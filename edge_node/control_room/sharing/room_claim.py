"""Keep a room of one process and a room of several from working on one PostgreSQL at the same time.

Both would store all that robots say, trim, look for defects and send alerts. So the one process claims the
duty that one of several has, and whichever starts while the other runs is refused.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.processes.leases import TERM_S, Lease
from edge_node.control_room.sharing.upkeep import DUTY
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.history.database import Database

_PREFIX = "room "
_LOOKS = 5  # in a term
_GRACE = 1.5  # terms, after which a row that nobody touches is free

_log = logging.getLogger(__name__)


class DatabaseInUseError(CorrosionError):
    """Another process works on the room's database, or took over."""


class RoomClaim:
    """The claim of a room of one process to its shared database; a ``with`` block around its work."""

    def __init__(self, database: Database, folder: Path, *, term_s: float = TERM_S) -> None:
        """Prepare; the ``with`` block begins with the claim.

        Args:
            database: of the room.
            folder: its state folder, which one process at a time has: what this one left behind when it was
                killed is taken again at once.
            term_s: after which the claim of a process that is gone lapses.
        """
        self._database = database
        self._holder = f"{_PREFIX}{socket.gethostname()}:{folder.absolute()}"
        self._lease = Lease(database, DUTY, self._holder, term_s=term_s)
        self._interval_s = term_s / _LOOKS
        self._patience_s = term_s * _GRACE
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="claim", daemon=True)

    def __enter__(self) -> RoomClaim:  # noqa: PYI034  Self needs Python 3.11
        """Claim the database.

        Raises:
            DatabaseInUseError: another process of a room works on it.
            HistoryError: it cannot be read or written.
        """
        deadline_s = time.monotonic() + self._patience_s
        while not self._lease.look(follows=self._holder):
            rival = self._lease.rival
            if rival is not None or time.monotonic() > deadline_s:
                raise DatabaseInUseError(
                    f"[room] database: {describe_holder(rival or 'another process')} works on it: stop it"
                    " first, or start `edge-node control-room web` beside ingest processes"
                )
            time.sleep(self._interval_s / 2)
        self._database.set_guard(lambda: self._lease.check(self._database))
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._lease.is_lost:
            return
        try:
            self._lease.release()
        except HistoryError as err:
            _log.warning("%s; the next process waits a little before it takes over", err)

    def check(self) -> None:
        """Raise DatabaseInUseError where another process took over meanwhile."""
        if self._lease.is_lost:
            raise DatabaseInUseError(
                "[room] database: another process took over while this one stood still; nothing was written"
                " since"
            )

    def _renew(self) -> None:
        while not self._ended.wait(self._interval_s):
            try:
                self._lease.look(follows=self._holder)
            except HistoryError as err:
                _log.warning("%s", err)
            if self._lease.is_lost:
                _log.error("another process works on this room's database: this one ends")
                os.kill(os.getpid(), signal.SIGTERM)
                return


def refuse_beside_room(database: Database, *, term_s: float = TERM_S) -> None:
    """Refuse to run where a room of one process works on the database.

    Raises:
        DatabaseInUseError: one does.
        HistoryError: the database cannot be read.
    """
    lease = Lease(database, DUTY, "", term_s=term_s)
    deadline_s = time.monotonic() + term_s
    while (holder := lease.watch()).startswith(_PREFIX) and time.monotonic() < deadline_s:
        if lease.rival is not None:
            raise DatabaseInUseError(
                f"[room] database: {describe_holder(holder)} works on it: stop it first (then"
                " `edge-node control-room ingest --drain` without --share stores what waits for it)"
            )
        time.sleep(term_s / _LOOKS / 2)


def describe_holder(holder: str) -> str:
    """Return how a sentence calls the holder of a duty."""
    if holder.startswith(_PREFIX):
        return f"`edge-node control-room` at {holder[len(_PREFIX) :]}"
    name, _, place = holder.partition(" ")
    return f"ingest member {name} at {place.partition(' ')[0]}" if place else holder
