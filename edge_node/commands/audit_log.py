"""Record received commands and their outcomes in the robot's audit, in a thread of its own.

The audit stays on the robot's disk, where responses leave the spool. A disk may take seconds for a line; only
the audit's thread waits for it. ``record_then`` calls back when a line is on the disk, so that a command is
executed after it is recorded and no other thread waits.

Lines are written in the order in which they were recorded. At most ``MAX_WAITING`` wait; a line that finds
the queue full, or the log closed, is treated as one that the disk does not take: it goes into the node's log.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from edge_node.commands.audit_files import AuditEntry, AuditFiles, log_lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.messages.status import Alarm

MAX_WAITING = 256  # lines of a few kB at most; four minutes of commands at the default rate
_CLOSE_S = 4.0  # how long closing waits for a slow disk

_log = logging.getLogger(__name__)


class AuditLog:
    """Write the audit while open as a context manager; ``record`` may be called by any thread."""

    def __init__(self, files: AuditFiles, max_waiting: int = MAX_WAITING) -> None:
        """Write to ``files``; at most ``max_waiting`` lines wait for the disk."""
        self._files = files
        self._max_waiting = max_waiting
        self._changed = threading.Condition()
        self._waiting: deque[tuple[AuditEntry, Callable[[bool], None]]] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def __enter__(self) -> AuditLog:  # noqa: PYI034  Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """An alarm while the disk takes no line."""
        return self._files.alarms

    def record(self, **fields: Any) -> None:
        """Queue an entry to be written; returns at once.

        Args:
            fields: of ``AuditEntry``; ``at`` is now.
        """
        self.record_then(lambda _is_written: None, **fields)

    def record_then(self, on_written: Callable[[bool], None], **fields: Any) -> None:
        """Queue an entry to be written, and ``on_written`` to be called then; returns at once.

        Args:
            on_written: called with true when the entry is on the disk, in the audit's thread; with false when
                it could not be written, or at once if it cannot wait to be. Must return at once.
            fields: of ``AuditEntry``; ``at`` is now.
        """
        with self._changed:
            entry = AuditEntry(at=datetime.now(timezone.utc), **fields)
            has_room = len(self._waiting) < self._max_waiting and not self._closing
            if has_room:
                self._waiting.append((entry, on_written))
                self._changed.notify()
        if not has_room:
            log_lost(entry, "the audit is closed" if self._closing else "the disk is too slow")
            on_written(False)

    def close(self) -> None:
        """Write the lines that wait, for a few seconds at most, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_CLOSE_S)
        with self._changed:
            left, self._waiting = list(self._waiting), deque()
        for entry, _ in left:
            log_lost(entry, "the disk does not answer")

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            entry, on_written = waiting
            try:
                on_written(self._files.write(entry))
            except Exception:  # noqa: BLE001  whatever it is, the next line must be written
                _log.exception("audit: %s %s", entry.event, entry.verb)

    def _next(self) -> tuple[AuditEntry, Callable[[bool], None]] | None:
        """Wait for an entry; None when closed and all are written."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return self._waiting.popleft() if self._waiting else None
