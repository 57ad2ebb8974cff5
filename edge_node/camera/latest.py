"""Hand the newest frame from the capture thread to the inference thread through one slot; count the drops."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.frame import Frame


class LatestFrame:
    """Hold one frame for one writer and one reader; a newer frame replaces it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._dropped = 0
        self._closed = False
        self._on_change: Callable[[], None] = lambda: None

    def listen(self, on_change: Callable[[], None]) -> None:
        """Call ``on_change`` after each put and after closing; it must return at once."""
        self._on_change = on_change

    @property
    def closed(self) -> bool:
        """Whether no further frame will come; one may still be in the slot."""
        with self._changed:
            return self._closed

    def put(self, frame: Frame) -> None:
        """Replace the slot's frame by a newer one."""
        with self._changed:
            if self._frame is not None:
                self._dropped += 1
            self._frame = frame
            self._changed.notify_all()
        self._on_change()

    def put_when_empty(self, frame: Frame, timeout_s: float) -> bool:
        """Put ``frame`` once the slot is empty, for recordings of which no picture may be dropped.

        Returns:
            False if the slot stayed full for ``timeout_s`` or was closed.
        """
        with self._changed:
            if (
                not self._changed.wait_for(lambda: self._frame is None or self._closed, timeout_s)
                or self._closed
            ):
                return False
            self._frame = frame
            self._changed.notify_all()
        self._on_change()
        return True

    def peek(self) -> Frame | None:
        """Return the frame in the slot without taking it; a newer one may still replace it."""
        with self._changed:
            return self._frame

    def take_if(self, frame: Frame) -> int | None:
        """Take ``frame`` if it is still the newest; return the number of drops, None if it is not."""
        with self._changed:
            if self._frame is not frame:
                return None
            self._frame = None
            dropped, self._dropped = self._dropped, 0
            self._changed.notify_all()
            return dropped

    def take(self, timeout_s: float) -> tuple[Frame | None, int]:
        """Wait for a frame; return it with the number of frames dropped since the last one taken.

        Returns:
            ``(None, 0)`` after ``timeout_s`` without a frame, or when the slot is closed and empty.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._closed, timeout_s)
            frame, self._frame = self._frame, None
            if frame is None:
                return None, 0
            dropped, self._dropped = self._dropped, 0
            self._changed.notify_all()
            return frame, dropped

    def close(self) -> None:
        """Mark the slot as closed and wake the threads that wait for it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._on_change()
