"""Encode and write evidence in its own thread, so that no frame waits for it.

A verdict names its picture by hash, so that verdict and those after it are spooled when the picture is
written: milliseconds later, or without it after ``LONGEST_WAIT_S``.
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
_IDLE_S = 5.0  # how soon a disk is noticed that takes pictures again
MAX_WAITING = 4  # pictures that are not encoded yet; each keeps a frame in memory

_log = logging.getLogger(__name__)


class PendingPicture:
    """A picture that is being encoded and written."""

    def __init__(self, keep: Callable[[], str | None], on_late: Callable[[], None] = lambda: None) -> None:
        """Keep a picture by ``keep``; ``on_late`` is called if that is not done in time for its verdict."""
        self._on_late = on_late
        self._keep: Callable[[], str | None] | None = keep
        self._due_s = time.monotonic() + LONGEST_WAIT_S
        self._done = threading.Event()
        self._sha256: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether ``sha256`` is final: the picture is written, or ``LONGEST_WAIT_S`` is over."""
        return self._done.is_set() or time.monotonic() >= self._due_s

    @property
    def sha256(self) -> str | None:
        """The picture's name; None if it could not be written, or not in time."""
        return self._sha256

    def work(self) -> None:
        """Write the picture, unless its time is over; called in the evidence thread."""
        keep, self._keep = self._keep, None
        try:
            if keep is not None and time.monotonic() < self._due_s:
                self._sha256 = keep()
            if time.monotonic() >= self._due_s:
                self._on_late()
        except Exception:  # noqa: BLE001  no fault of evidence may stop the verdicts
            _log.exception("evidence")
        self._done.set()


class EvidenceThread:
    """Run the jobs that keep pictures, one after the other."""

    def __init__(
        self,
        on_change: Callable[[], None],
        *,
        on_late: Callable[[], None] = lambda: None,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare the thread.

        Args:
            on_change: called in it after each picture.
            on_late: called for each picture that is not kept in time for its verdict.
            on_idle: called in it every few seconds while no picture comes.
        """
        self._on_change = on_change
        self._on_late = on_late
        self._on_idle = on_idle
        self._queue: queue.Queue[PendingPicture | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def keep(self, keep: Callable[[], str | None], *, is_needed: bool = True) -> PendingPicture | None:
        """Queue a picture to be kept; None if too many wait already.

        Args:
            keep: draws, encodes and writes the picture and returns its name, or None if it cannot.
            is_needed: that too many wait is a loss; of many that follow each other it is none.
        """
        picture = PendingPicture(keep, self._on_late)
        try:
            self._queue.put_nowait(picture)
        except queue.Full:
            if is_needed:
                self._on_late()
            return None
        return picture

    def stop(self, timeout_s: float = 1.0) -> None:
        """Keep the pictures that wait, for ``timeout_s`` at most, and end the thread."""
        if not self._thread.is_alive():
            return
        try:
            self._queue.put(None, timeout=timeout_s / 2)
        except queue.Full:
            return
        self._thread.join(timeout_s / 2)

    def _run(self) -> None:
        while True:
            try:
                picture = self._queue.get(timeout=_IDLE_S)
            except queue.Empty:
                self._look()
                continue
            if picture is None:
                return
            picture.work()
            self._on_change()

    def _look(self) -> None:
        try:
            self._on_idle()
        except Exception:  # noqa: BLE001  the same
            _log.exception("evidence")
