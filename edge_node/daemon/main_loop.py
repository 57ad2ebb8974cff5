"""Run the main thread: record verdicts in order of capture, prepare frames ahead, do periodic work.

The models run in a thread of their own (``inference_thread``), pictures are encoded in another
(``evidence.thread``); verdicts are numbered and spooled here.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from edge_node.fault_log import FaultLog
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from edge_node.camera.frame import Frame
    from edge_node.commands.pause import PauseSwitch
    from edge_node.daemon.bundle_in_use import BundleInUse
    from edge_node.daemon.inference_thread import InferenceThread, Judged
    from edge_node.daemon.verdict_writer import VerdictWriter
    from edge_node.evidence.thread import PendingPicture
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.verdict import Verdict

TICK_S = 0.5  # how soon a stop is noticed, and periodic work is due, without frames
MAX_UNRECORDED = 8  # verdicts that wait for a picture; each holds a frame, so then the models wait too


class VerdictListener(Protocol):
    """Called with each inspected frame, in the main thread, after its verdict is in the spool."""

    def on_verdict(self, frame: Frame, inspection: Inspection, verdict: Verdict, /) -> None:
        """Note the frame and its verdict; must be quick."""


class Periodic(Protocol):
    """Called in the main thread, every ``interval_s`` or at every turn if that is 0."""

    @property
    def interval_s(self) -> float:
        """Seconds between two calls."""

    def look(self, now_s: float, /) -> None:
        """Do what is due; ``now_s`` is monotonic; must be quick."""


class _Unrecorded(PlainStruct, frozen=True):
    """An inspected frame whose verdict waits until its picture is kept."""

    judged: Judged
    dropped: int
    inspection: Inspection
    picture: PendingPicture | None


class MainLoop:
    """Turn the newest frame into a verdict, again and again, until stopped."""

    def __init__(  # noqa: PLR0913  # each is a part, by name
        self,
        inference: InferenceThread,
        bundle: BundleInUse,
        verdicts: VerdictWriter,
        *,
        has_work: threading.Event,
        pause: PauseSwitch,
        listeners: Sequence[VerdictListener] = (),
        periodics: Sequence[Periodic] = (),
    ) -> None:
        """Prepare.

        Args:
            inference: runs the models; started and stopped here.
            bundle: judges frames.
            verdicts: keeps pictures and spools verdicts; started and stopped here.
            has_work: set by every thread that has something for the main thread.
            pause: whether frames are inspected.
            listeners: called with each verdict, in this order.
            periodics: called in this order.
        """
        self._inference = inference
        self._bundle = bundle
        self._verdicts = verdicts
        self._has_work = has_work
        self._pause = pause
        self._listeners = tuple(listeners)
        self._periodics = tuple(periodics)
        self._due_s = [0.0] * len(self._periodics)
        self._faults = [FaultLog(type(periodic).__name__) for periodic in self._periodics]
        self._unrecorded: deque[_Unrecorded] = deque()
        self._unjudged = 0  # frames that a bundle on trial could not judge

    def run(self, stop: threading.Event) -> None:
        """Inspect the newest frame again and again, until ``stop`` is set or no further frame will come."""
        self._inference.start()
        self._verdicts.start()
        try:
            while not stop.is_set():
                self._look()  # first: what it changes holds for the next frame
                self._turn()
                if self._inference.is_finished and not self._unrecorded:
                    break
                self._has_work.wait(TICK_S)
                self._has_work.clear()
        finally:
            self._inference.stop()
            self._verdicts.stop()
        self._conclude()
        while self._unrecorded:
            self._record(self._unrecorded.popleft())
            self._conclude()

    def _turn(self) -> None:
        """Have the newest frame judged, then record the frames that are."""
        if self._pause.is_paused:
            self._inference.discard()
        else:
            self._inference.prepare(self._bundle.judge)
        self._conclude()
        while self._unrecorded and ((picture := self._unrecorded[0].picture) is None or picture.is_settled):
            self._record(self._unrecorded.popleft())

    def _conclude(self) -> None:
        """Make inspections of the models' outputs, and have their pictures kept."""
        while len(self._unrecorded) < MAX_UNRECORDED and (judged := self._inference.take()) is not None:
            try:
                inspection = judged.inspection()
            except Exception as err:  # noqa: BLE001  raised again unless a bundle is on trial
                if judged.prepared.judge is self._bundle.judge:  # not the last frames of one that is replaced
                    self._bundle.count_failure(err)
                self._unjudged += 1 + judged.dropped
                continue
            dropped, self._unjudged = judged.dropped + self._unjudged, 0
            picture = self._verdicts.keep_picture(judged, inspection)
            self._unrecorded.append(_Unrecorded(judged, dropped, inspection, picture))

    def _record(self, frame: _Unrecorded) -> None:
        """Spool the frame's verdict and call the listeners."""
        sha256 = frame.picture.sha256 if frame.picture is not None else None
        verdict = self._verdicts.append(
            frame.judged, frame.inspection, dropped=frame.dropped, evidence_sha256=sha256
        )
        for listener in self._listeners:
            listener.on_verdict(frame.judged.prepared.frame, frame.inspection, verdict)

    def _look(self) -> None:
        """Call the periodics that are due."""
        now_s = time.monotonic()
        for index, periodic in enumerate(self._periodics):
            if now_s >= self._due_s[index]:
                try:
                    periodic.look(now_s)
                except OSError as err:  # no descriptor, no disk: no reason to end the inspection
                    self._faults[index].fail(f"{err.filename or 'system'}: {err.strerror or err}")
                else:
                    self._faults[index].succeed()
                self._due_s[index] = now_s + periodic.interval_s  # as the call left it
