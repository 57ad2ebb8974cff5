"""Notify systemd's watchdog as long as frames become verdicts and no thread hangs.

Only the main thread notifies it. The notifications stop if the capture, publisher or spool thread does not
turn, if a model does not return, or if frames arrive and none becomes a verdict. An absent camera and an
unreachable broker are states, not failures of the node: a restart would not help.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from edge_node.camera.capture.capture_thread import CameraCondition
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.monitoring.systemd import Notifier

# The capture thread turns five times a second, and waits up to 5 s between two attempts to connect.
CAPTURE_BEAT_LIMIT_S = 10.0
# A connected publisher turns several times a second; a window of large rows on a slow link takes seconds.
PUBLISHER_BEAT_LIMIT_S = 10.0
# An SD card may take seconds for a synchronous write; a failing disk is retried every few seconds.
SPOOL_BEAT_LIMIT_S = 15.0
# The largest frame in 64 tiles on the smallest board; while frames arrive, missing verdicts show earlier.
INFERENCE_LIMIT_S = 30.0
UNWATCHED_INTERVAL_S = 15.0  # interval of the check where no service manager watches
_WITHOUT_FRAMES = frozenset({CameraCondition.ABSENT, CameraCondition.SILENT, CameraCondition.ENDED})

_log = logging.getLogger(__name__)


class Vitals(PlainStruct, frozen=True):
    """Progress of the node's parts.

    Attributes:
        camera: condition of the camera.
        frames: frames captured, but for those that are not to be judged.
        verdicts: frames inspected and spooled.
        capture_beat_s: monotonic time of the capture thread's last turn.
        inference_since_s: monotonic time at which inference of the present frame began; None if none runs.
        publisher_beat_s: last turn of the publisher; None while it is not connected: resolving a name may
            take minutes, and is no reason to restart.
        spool_beat_s: last turn of the spool's writer; a full disk fails at once, a hung one stops it.
        paused: frames are not decided, by command.
        summary: one line for ``systemctl status``.
    """

    camera: CameraCondition
    frames: int
    verdicts: int
    capture_beat_s: float
    inference_since_s: float | None = None
    publisher_beat_s: float | None = None
    spool_beat_s: float | None = None
    paused: bool = False
    summary: str = ""


class Watchdog:
    """Notify systemd when the node is ready, and as long as it is alive.

    Attributes:
        hung: which part hangs, in a sentence; empty if none does.
    """

    def __init__(self, notifier: Notifier, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._notifier = notifier
        self._clock = clock
        self._ready = False
        self._summary = ""
        self._fed_s = clock()
        self._fed_with: Vitals | None = None
        self.hung = ""

    def look(self, vitals: Vitals) -> None:
        """Check the node and notify systemd; call in the main thread, at least once a second."""
        if not self._ready and (vitals.verdicts or vitals.camera in _WITHOUT_FRAMES):
            self._ready = True
            self._notifier.ready()
        if vitals.summary != self._summary:
            self._summary = vitals.summary
            self._notifier.status(vitals.summary)
        interval_s = self._notifier.watchdog_interval_s
        now_s = self._clock()
        if self._fed_with is not None and now_s - self._fed_s < (interval_s or UNWATCHED_INTERVAL_S):
            return
        before, self.hung = self.hung, find_hung_part(vitals, self._fed_with, now_s)
        if self.hung:
            if not before:
                _log.error("the watchdog is not notified, so that systemd restarts the node: %s", self.hung)
            return
        if interval_s is not None:
            self._notifier.watchdog()
        self._fed_s, self._fed_with = now_s, vitals


def find_hung_part(vitals: Vitals, before: Vitals | None, now_s: float) -> str:
    """Return in a sentence which part hangs; empty if none does.

    Args:
        vitals: now.
        before: at the last notification.
        now_s: monotonic time.
    """
    if vitals.camera is not CameraCondition.ENDED and now_s - vitals.capture_beat_s > CAPTURE_BEAT_LIMIT_S:
        return f"the capture thread has not run for {now_s - vitals.capture_beat_s:.0f} s"
    since_s = vitals.inference_since_s
    if since_s is not None and now_s - since_s > INFERENCE_LIMIT_S:
        return f"the models have not returned for {now_s - since_s:.0f} s"
    for name, beat_s, limit_s in (
        ("publisher", vitals.publisher_beat_s, PUBLISHER_BEAT_LIMIT_S),
        ("spool", vitals.spool_beat_s, SPOOL_BEAT_LIMIT_S),
    ):
        if beat_s is not None and now_s - beat_s > limit_s:
            return f"the {name} has not run for {now_s - beat_s:.0f} s"
    if before is None or vitals.paused or before.paused:
        return ""
    # More than two: the newest may be in the slot, and one in inference.
    if vitals.frames - before.frames > 2 and vitals.verdicts == before.verdicts:
        return f"{vitals.frames - before.frames} frames arrived and none was judged"
    return ""
