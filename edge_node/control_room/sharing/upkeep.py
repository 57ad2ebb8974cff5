"""Do in exactly one process of a room what must not be done twice, and take it over when that one dies.

Each ingest process runs this thread. It notes that its process runs, and claims the duty: whoever has it
reads the states of robots, publishes receipts, holds the history within its bounds and sends alerts, through
a history of its own whose every transaction first checks that the duty still is this process's.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.processes.leases import TERM_S, Lease
from edge_node.control_room.history.processes.roll import forget_process, note_process
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.processes.roll import RoomProcess

DUTY = "upkeep"
_LOOKS = 5  # in a term
_JOIN_S = 10.0

_log = logging.getLogger(__name__)


class Duties(Protocol):
    """What the holder does until ``stop``."""

    def stop(self) -> None:
        """End it, whoever does it now."""


class Upkeep:
    """One process's claim to the upkeep of its room, in a thread of its own."""

    def __init__(
        self,
        database: Database,
        holder: str,
        begin: Callable[[Callable[[Database], None]], Duties],
        describe: Callable[[], RoomProcess],
        *,
        term_s: float = TERM_S,
    ) -> None:
        """Prepare; ``start`` begins.

        Args:
            database: of the room.
            holder: this process's name, which no other start of any process has.
            begin: starts the duties; what it is given raises where they are another process's by now.
            describe: tells how this process is.
            term_s: after which another process takes over what a dead one did.
        """
        self._database = database
        self._lease = Lease(database, DUTY, holder, term_s=term_s)
        self._begin = begin
        self._describe = describe
        self._interval_s = term_s / _LOOKS
        self._duties: Duties | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    @property
    def is_ours(self) -> bool:
        """Whether this process does the upkeep."""
        return self._duties is not None

    def start(self) -> None:
        """Begin to claim the duty."""
        self._thread.start()

    def stop(self) -> None:
        """End the duties and give them up, so that another process takes them over at once."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        beat = time.time_ns()  # of no other start
        while not self._ended.is_set():
            beat += 1
            try:
                note_process(self._database, self._describe(), beat)
                self._look()
            except CorrosionError as err:
                _log.warning("upkeep: %s", err)
            if not self._lease.is_held:
                self._end("another process does it, or the history cannot be reached")
            self._ended.wait(self._interval_s)
        self._leave()

    def _look(self) -> None:
        if self._lease.look() and self._duties is None:
            self._duties = self._begin(self._lease.check)
            _log.info("this process does the upkeep of the room")

    def _end(self, reason: str) -> None:
        if self._duties is not None:
            duties, self._duties = self._duties, None
            _log.info("this process does the upkeep no longer: %s", reason)
            duties.stop()

    def _leave(self) -> None:
        self._end("it ends")
        try:
            self._lease.release()
            forget_process(self._database, self._describe().name)
        except HistoryError as err:
            _log.warning("upkeep: %s; another process takes over later", err)
