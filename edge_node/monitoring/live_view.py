"""Hold the newest frame, verdicts, status and health for the local page.

Written by the main thread, read by the page's threads.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import msgspec

from edge_node.inspection.inspector import camera_map
from edge_node.inspection.overlay import draw_overlay
from edge_node.messages.status import Health, Status  # msgspec resolves annotations at run time
from edge_node.messages.verdict import Verdict  # the same

if TYPE_CHECKING:
    from edge_node.camera.frame import Frame
    from edge_node.inspection.inspector import Inspection

MAIN_LIMIT_S = 15.0  # the main thread updates the status twice a second; the slowest model takes seconds
KEPT_VERDICTS = 20
PICTURE_WIDTH_PX = 640  # a phone shows no more, and a Pi encodes it in milliseconds
JPEG_QUALITY = 75
_KEPT_FRAMES = 2  # a second of the slowest viewer; each is a frame in memory, while somebody looks


class PageState(msgspec.Struct, frozen=True, kw_only=True):
    """The data that the page shows beside the picture."""

    verdicts: tuple[Verdict, ...]
    status: Status | None
    health: Health | None
    link: str
    hung: str


@dataclass(frozen=True, slots=True, eq=False)
class _DecidedFrame:
    verdict_id: str
    frame: Frame
    inspection: Inspection


class LiveView:
    """Hold references only: a frame is drawn and encoded on request, once for all viewers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._shown: _DecidedFrame | None = None
        # Of the verdicts that viewers were told last: they ask for the picture afterwards.
        self._told: deque[_DecidedFrame] = deque(maxlen=_KEPT_FRAMES)
        self._verdicts: deque[Verdict] = deque(maxlen=KEPT_VERDICTS)
        self._status: Status | None = None
        self._health: Health | None = None
        self._link = self._hung = ""
        self._reported_s = time.monotonic()
        self._drawn: tuple[str, bytes] = ("", b"")

    def on_verdict(self, frame: Frame, inspection: Inspection, verdict: Verdict, /) -> None:
        """Store a decided frame."""
        with self._lock:
            self._shown = _DecidedFrame(verdict.id, frame, inspection)
            self._verdicts.appendleft(verdict)

    def on_status(self, status: Status, health: Health | None, *, link: str, hung: str) -> None:
        """Store the states of all parts; ``hung`` names the part that hangs, if one does."""
        with self._lock:
            self._reported_s = time.monotonic()
            self._status, self._link, self._hung = status, link, hung
            self._health = health or self._health

    def state(self) -> PageState:
        """Return everything but the picture."""
        with self._lock:
            silent_s = time.monotonic() - self._reported_s
            hung = self._hung
            if silent_s > MAIN_LIMIT_S:
                hung = f"the main thread has not run for {silent_s:.0f} s"
            return PageState(
                verdicts=tuple(self._verdicts),
                status=self._status,
                health=self._health,
                link=self._link,
                hung=hung,
            )

    def state_to_show(self) -> PageState:
        """Return the same for a viewer who asks for the picture of the newest verdict next: it is held."""
        with self._lock:
            if self._shown is not None and self._shown not in self._told:
                self._told.append(self._shown)
        return self.state()

    def picture(self, verdict_id: str = "") -> bytes | None:
        """Return a verdict's frame with its map, as JPEG; if it is not held, the newest; None without any."""
        with self._lock:
            held = (one for one in self._told if one.verdict_id == verdict_id)
            shown = next(held, self._shown)
        if shown is None:
            return None
        with self._drawing:
            if self._drawn[0] != shown.verdict_id:
                self._drawn = (shown.verdict_id, _encode_jpeg(shown))
            return self._drawn[1]


def _encode_jpeg(shown: _DecidedFrame) -> bytes:
    # Without text: the page shows the verdict itself.
    picture = draw_overlay(shown.frame.pixels, camera_map(shown.inspection), ())
    height, width = picture.shape[:2]
    if width > PICTURE_WIDTH_PX:
        size = (PICTURE_WIDTH_PX, round(height * PICTURE_WIDTH_PX / width))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # uint8 stays
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return encoded.tobytes()
