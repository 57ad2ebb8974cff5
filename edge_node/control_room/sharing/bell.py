"""Wake the other processes of a room when something is stored, at most five times a second."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.processes.notices import CHANNEL

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database

INTERVAL_S = 0.2  # people see verdicts within 300 ms, and a database has more to do than to notify
_JOIN_S = 2.0

_log = logging.getLogger(__name__)


class Bell:
    """Notifies on the channel of the room, in a thread of its own; ``ring`` is called from any thread.

    A notice says that there is something to read, not what: one that is lost delays a page until it looks by
    itself.
    """

    def __init__(self, database: Database) -> None:
        """Prepare; ``start`` begins."""
        self._database = database
        self._rung = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
        self.notices = 0

    def start(self) -> None:
        """Begin to notify."""
        self._thread.start()

    def ring(self) -> None:
        """Say that something was committed; never blocks."""
        self._rung.set()

    def stop(self) -> None:
        """Notify what is left, and end."""
        self._ended.set()
        self._rung.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._rung.wait()
            self._rung.clear()
            try:
                with self._database.transaction(robots=()):
                    self._database.notify(CHANNEL, "")
                self.notices += 1
            except HistoryError as err:
                _log.debug("no notice: %s", err)  # pages look by themselves
            self._ended.wait(INTERVAL_S)
