"""Run inference in its own thread, while the main thread concludes from the last frame and prepares the next.

The runtime releases Python's lock while a model runs, so preparing and recording other frames costs the
models nothing as long as there is a second core. The thread takes a frame from the slot by itself: where
others keep the processors busy, each thread between the camera and the models would wait tens of milliseconds
for one. Nothing is queued before the models: a frame that was prepared ahead stays in the slot, and is
skipped when a newer one replaces it there. Where that happens again and again, because the models or the
processors are slower than the camera, fewer frames are prepared ahead.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.frame import Frame
    from edge_node.camera.latest import LatestFrame
    from edge_node.inference.engine import ModelOutputs
    from edge_node.inspection.inspector import Inspection, Inspector, PreparedInspection
    from edge_node.inspection.verdict_recorder import VerdictRecorder

MAX_WAITING = 4  # judged frames that the main thread has not taken; then the models wait for it
_MOST_NOT_AHEAD = 32  # frames in a row that are not prepared ahead
_TICK_S = 0.5  # how soon a stop is noticed
# How long a model that has finished may wait for Python's lock; the default of 5 ms is more than a small
# model needs to run.
_SWITCH_INTERVAL_S = 0.0005


class Judge(PlainStruct, frozen=True):
    """A bundle's inspector, and the recorder that names the bundle on its verdicts."""

    inspector: Inspector
    recorder: VerdictRecorder


class Prepared(PlainStruct, frozen=True):
    """A frame that is ready for the models of ``judge``; another bundle takes over between two frames."""

    frame: Frame
    judge: Judge
    inputs: PreparedInspection | None  # None where preparing failed


class Judged(PlainStruct, frozen=True):
    """A frame with the outputs of the models, and how many frames were dropped since the one before it."""

    prepared: Prepared
    dropped: int
    outputs: tuple[ModelOutputs, ...]
    failure: Exception | None = None

    def inspection(self) -> Inspection:
        """Conclude from the outputs; raises what preparing or the models raised."""
        inputs = self.prepared.inputs
        if self.failure is not None or inputs is None:
            raise self.failure or RuntimeError("a frame was not prepared")
        return self.prepared.judge.inspector.conclude(inputs, self.outputs)


class InferenceThread:
    """Run the models in a thread; the methods belong to the main thread.

    Attributes:
        busy_since_s: monotonic time from which the models have been looking at a frame; None if they are not.
    """

    def __init__(
        self,
        latest: LatestFrame,
        on_change: Callable[[], None],
        on_busy: Callable[[bool], None] | None = None,
    ) -> None:
        """Take frames from ``latest``.

        Args:
            latest: the slot.
            on_change: called, from several threads, when ``prepare`` or ``take`` has something to do.
            on_busy: called with true when the models get a frame, with false when they have none; must be
                quick.
        """
        self._latest = latest
        latest.listen(self._arrived)
        self._on_change = on_change
        self._on_busy = on_busy or (lambda _is_busy: None)
        self._lock = threading.Lock()
        # No condition: woken, the thread would have its lock before it has a processor, and hold up others.
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._judge: Judge | None = None  # None: no frame is taken
        self._ahead: Prepared | None = None
        self._preparing: Frame | None = None  # in the main thread
        self._lost_ahead = 0  # frames in a row that were prepared ahead in vain
        self._not_ahead = 0  # frames that are not prepared ahead from now on
        self._passed: Frame | None = None  # the last of these
        self._judged: deque[Judged] = deque()
        self._failure: BaseException | None = None
        self._is_free = self._stopping = False
        self.busy_since_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    def start(self) -> None:
        """Start the thread, and have Python switch between threads more often."""
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Run no further frame, and wait at most ``timeout_s`` for the one in the models."""
        self._stopping = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def is_finished(self) -> bool:
        """Whether all frames were taken and no further one will come."""
        if not self._latest.closed:
            return False
        return self.is_idle

    @property
    def is_idle(self) -> bool:
        """Whether no frame is in work, here or in the slot."""
        with self._lock:
            free = self._is_free and not self._judged
        return free and self._latest.peek() is None

    def discard(self) -> None:
        """Take no frame until the next ``prepare``, and drop the newest, if there is one."""
        with self._lock:
            self._judge = self._ahead = None
            self._latest.take(0)

    def prepare(self, judge: Judge) -> None:
        """Have frames judged by ``judge``; prepare the newest while the models are busy.

        It stays in the slot, where a newer one may replace it; none is prepared twice, and where most would
        be replaced, few are prepared at all.
        """
        with self._lock:
            if self._judge is not judge:
                self._judge = judge
                self._wake()
            frame = self._latest.peek()
            if self._is_free or frame is None or (self._ahead is not None and self._ahead.frame is frame):
                return
            if not self._pays_ahead(frame):
                return
            self._preparing = frame
        try:
            ahead = Prepared(frame, judge, _prepare(frame, judge))
        except Exception:  # noqa: BLE001  it is prepared once more when it is taken, and fails there
            ahead = None
        with self._lock:
            self._preparing, self._ahead = None, ahead
            self._passed = frame if ahead is None else self._passed
            self._wake()

    def take(self) -> Judged | None:
        """Return the next judged frame, or None; raises the fault that ended the thread of the models."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if not self._judged:
                return None
            if len(self._judged) == MAX_WAITING:
                self._wake()
            return self._judged.popleft()

    def _wake(self) -> None:
        """Have the thread look once more; one call waits at most, as models that are never free take none."""
        if self._wakes.empty():
            self._wakes.put(None)

    def _pays_ahead(self, frame: Frame) -> bool:
        """Tell whether to prepare ``frame`` while the models are busy; the lock is held."""
        if self._ahead is not None:
            self._ahead = None
            self._note_lost()
        if self._not_ahead and frame is not self._passed:
            self._not_ahead -= 1
            self._passed = frame
        return frame is not self._passed

    def _note_lost(self) -> None:
        """Note that a frame was prepared in vain: twice as many as after the last one are now passed by."""
        self._lost_ahead += 1
        self._not_ahead = min(2**self._lost_ahead, _MOST_NOT_AHEAD)

    def _arrived(self) -> None:
        """Wake who deals with a new frame: this thread if the models are free, else main or no one."""
        with self._lock:
            if self._judge is None or self._latest.closed:
                is_for_main = True
            elif self._is_free:
                is_for_main = False
                self._wake()
            else:
                frame = self._latest.peek()
                is_for_main = frame is not None and self._pays_ahead(frame)
        if is_for_main:
            self._on_change()

    def _run(self) -> None:
        try:
            while (job := self._next_job()) is not None:
                self.busy_since_s = time.monotonic()
                judged = _judged(*job)
                self.busy_since_s = None
                with self._lock:
                    self._judged.append(judged)
                self._on_change()
        except BaseException as err:  # noqa: BLE001  whatever it is, `take` raises it in the main thread
            with self._lock:
                self._failure = err
            self._on_change()

    def _next_job(self) -> tuple[Frame, Judge, int, Prepared | None] | None:
        """Wait for the newest frame; None when asked to stop."""
        while not self._stopping:
            with self._lock:
                job = self._take_newest() if len(self._judged) < MAX_WAITING else None
                if job is not None:
                    self._is_free = False
                    self._on_busy(True)
                    return job
                becomes_free = (
                    not self._is_free and self._preparing is None and len(self._judged) < MAX_WAITING
                )
                if becomes_free:
                    self._is_free = True
                    self._on_busy(False)
            if becomes_free and self._latest.closed:  # that was the last frame
                self._on_change()
            with suppress(queue.Empty):
                self._wakes.get(timeout=_TICK_S)
        return None

    def _take_newest(self) -> tuple[Frame, Judge, int, Prepared | None] | None:
        """Take the newest frame, prepared or not; None if there is none or it is being prepared."""
        frame, ahead = self._latest.peek(), self._ahead
        if frame is None or self._judge is None or frame is self._preparing:
            return None
        dropped = self._latest.take_if(frame)
        if dropped is None:  # replaced just now
            return self._take_newest()
        self._ahead = self._passed = None
        if ahead is not None and ahead.frame is frame:
            self._lost_ahead = 0
            return frame, ahead.judge, dropped, ahead
        if ahead is not None:
            self._note_lost()
        return frame, self._judge, dropped, None


def _prepare(frame: Frame, judge: Judge) -> PreparedInspection:
    return judge.inspector.prepare(frame.pixels, frozen=frame.frozen, view=frame.view)


def _judged(frame: Frame, judge: Judge, dropped: int, ahead: Prepared | None) -> Judged:
    """Prepare the frame if it is not, and run the models; the main thread handles what they raise."""
    inputs = ahead.inputs if ahead is not None else None
    try:
        if inputs is None:
            inputs = _prepare(frame, judge)
        return Judged(Prepared(frame, judge, inputs), dropped, judge.inspector.run(inputs))
    except Exception as err:  # noqa: BLE001  whatever a bundle on trial does
        return Judged(Prepared(frame, judge, inputs), dropped, (), err)
