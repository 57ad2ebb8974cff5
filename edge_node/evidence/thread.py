"""Evidence is drawn, encoded and written in a thread of its own: no frame waits for it to be judged.

A verdict names its picture by the hash of the picture's bytes, so that verdict, and those after it, are
spooled when the picture is there: milliseconds later, or without it after ``LONGEST_WAIT_S``.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT_S = 0.5  # a picture takes milliseconds; a disk that takes longer costs the picture, not verdicts
MAX_WAITING = 4  # pictures not yet encoded; each holds a frame in memory

_log = logging.getLogger(__name__)


class PictureInWork:
    """A picture that is being kept."""

    def __init__(self, keep: Callable[[], str | None]) -> None:
        self._keep: Callable[[], str | None] | None = keep
        self._due_s = time.monotonic() + LONGEST_WAIT_S
        self._done = threading.Event()
        self._sha256: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether ``sha256`` is final: the picture is kept, or has been waited for long enough."""
        return self._done.is_set() or time.monotonic() >= self._due_s

    @property
    def sha256(self) -> str | None:
        """The picture's name; None if it could not be kept, or not in time."""
        return self._sha256

    def work(self) -> None:
        """Keep the picture, unless nobody waits for it any more; belongs to the evidence thread."""
        keep, self._keep = self._keep, None
        try:
            if keep is not None and time.monotonic() < self._due_s:
                self._sha256 = keep()
        except Exception:  # noqa: BLE001  whatever it is, verdicts must go on
            _log.exception("evidence")
        self._done.set()


class EvidenceThread:
    """Keeps pictures one after the other."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """Have ``on_change`` called in the thread after each picture."""
        self._on_change = on_change
        self._queue: queue.Queue[PictureInWork | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def keep(self, keep: Callable[[], str | None]) -> PictureInWork | None:
        """Have a picture kept; None if too many wait already.

        Args:
            keep: draws, encodes and writes the picture and returns its name, or None if it cannot.
        """
        picture = PictureInWork(keep)
        try:
            self._queue.put_nowait(picture)
        except queue.Full:
            return None
        return picture

    def stop(self, timeout_s: float = 1.0) -> None:
        """Keep what waits, for ``timeout_s`` at most, and end the thread."""
        if not self._thread.is_alive():
            return
        try:
            self._queue.put(None, timeout=timeout_s / 2)
        except queue.Full:
            return
        self._thread.join(timeout_s / 2)

    def _run(self) -> None:
        while (picture := self._queue.get()) is not None:
            picture.work()
            self._on_change()
