"""Wait to be woken by other processes that share a history: many notices at once are one."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import HistoryError

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database

CHANNEL = "corrosion_room"
_AGAIN_S = 1.0  # after a connection was lost
_JOIN_S = 3.0

_log = logging.getLogger(__name__)


class Listener:
    """Takes notices in a thread and on a connection of its own; where there are none, who waits looks again.

    Also after a connection was lost: what was told meanwhile has to be looked for.
    """

    def __init__(self, database: Database) -> None:
        """Begin to listen where the database has notices."""
        self._database = database
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        if database.is_shared:
            self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Return whether a notice came, or may have been missed, within ``timeout_s``."""
        is_woken = self._woken.wait(timeout_s)
        self._woken.clear()
        return is_woken

    def wake(self) -> None:
        """Let ``wait`` return; from any thread."""
        self._woken.set()

    def close(self) -> None:
        """End."""
        self._ended.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with contextlib.closing(self._database.listen(CHANNEL)) as notices:  # type: ignore[type-var]
                    self._woken.set()
                    for notice in notices:
                        if self._ended.is_set():
                            return
                        if notice is not None:
                            self._woken.set()
            except HistoryError as err:
                _log.debug("no notices: %s", err)
            self._woken.set()
            self._ended.wait(_AGAIN_S)
