"""Match new findings in a thread of its own, so that the ingest waits for none of it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.defects import matcher, sightings

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database

_GATHER_S = 1.0  # what comes within it is matched at once
_REST = 4.0  # times as long as it worked it rests: a backlog takes a fifth of one processor at most
_LOOK_S = 60.0  # between looks for verdicts that were lacking, and for what other processes stored
_LOOKS = 50  # findings at a look
_CLOSE_S = 5.0

_log = logging.getLogger(__name__)


class DefectKeeper:
    """Keep the defects of a history up to date while its control room runs."""

    def __init__(
        self, database: Database, on_changed: Callable[[set[int]], None] = lambda _keys: None
    ) -> None:
        """Prepare; ``start`` begins.

        Args:
            database: of the history.
            on_changed: called in the thread with the keys of defects that changed.
        """
        self._database = database
        self._on_changed = on_changed
        self._wake = threading.Event()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="defects", daemon=True)
        self._fault = ""

    def start(self) -> None:
        """Begin with what is stored and was not matched yet."""
        self._wake.set()
        self._thread.start()

    def note_findings(self) -> None:
        """Match soon: findings were stored. Returns at once; from any thread."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread after the asset that it matches; the rest is matched at the next start."""
        self._is_stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        looked_s = time.monotonic()
        while not self._is_stopped.is_set():
            self._wake.wait(_LOOK_S)
            if self._is_stopped.wait(_GATHER_S):
                return
            self._wake.clear()
            began_s = time.monotonic()
            if began_s - looked_s >= _LOOK_S:
                looked_s = began_s
                self._attempt(lambda: sightings.look_again(self._database, _LOOKS))
            self._attempt(self._catch_up)
            self._is_stopped.wait(_REST * (time.monotonic() - began_s))

    def _catch_up(self) -> None:
        began_s = time.monotonic()
        for changed in matcher.catch_up_stepwise(self._database):
            if changed:
                self._on_changed(changed)
            if self._is_stopped.wait(_REST * (time.monotonic() - began_s)):
                return
            began_s = time.monotonic()

    def _attempt(self, work: Callable[[], object]) -> None:
        try:
            work()
        except HistoryError as err:
            if str(err) != self._fault:
                _log.warning("no defects are matched while this lasts: %s", err)
            self._fault = str(err)
        else:
            self._fault = ""
