"""Run inference in its own thread while the main thread prepares the next frame.

The runtime releases Python's lock while a model runs, so preparing and recording other frames costs the
models nothing as long as there is a second core. Nothing is queued before the models: a prepared frame stays
in the slot, and is skipped when a newer one replaces it there.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.frame import Frame
    from edge_node.camera.latest import LatestFrame
    from edge_node.inference.engine import ModelOutputs
    from edge_node.inspection.inspector import Inspection, Inspector, PreparedInspection
    from edge_node.inspection.verdict_recorder import VerdictRecorder

MAX_WAITING = 4  # judged frames that the main thread has not taken; then the models wait for it
_TICK_S = 0.5  # how soon a stop is noticed
# How long a model that has finished may wait for Python's lock; the default of 5 ms is more than a small
# model needs to run.
_SWITCH_INTERVAL_S = 0.0005


@dataclass(frozen=True, slots=True)
class Judge:
    """A bundle's inspector, and the recorder that names the bundle on its verdicts."""

    inspector: Inspector
    recorder: VerdictRecorder


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame that is ready for the models of ``judge``; another bundle takes over between two frames."""

    frame: Frame
    judge: Judge
    inputs: PreparedInspection


@dataclass(frozen=True, slots=True)
class Judged:
    """A frame with the outputs of the models, and how many frames were dropped since the one before it."""

    prepared: Prepared
    dropped: int
    outputs: tuple[ModelOutputs, ...]
    failure: Exception | None = None

    def inspection(self) -> Inspection:
        """Conclude from the outputs; raises what the models raised."""
        if self.failure is not None:
            raise self.failure
        return self.prepared.judge.inspector.conclude(self.prepared.inputs, self.outputs)


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
        latest.listen(on_change)
        self._on_change = on_change
        self._on_busy = on_busy or (lambda _is_busy: None)
        self._changed = threading.Condition()
        self._claimed: tuple[Prepared, int] | None = None
        self._ahead: Prepared | None = None
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
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
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
        with self._changed:
            free = self._is_free and self._claimed is None and not self._judged
        return free and self._latest.peek() is None

    def discard(self) -> None:
        """Drop the newest frame, if there is one."""
        self._latest.take(0)

    def prepare(self, judge: Judge) -> None:
        """Prepare the newest frame, unless there is none or it is prepared already.

        If the models are free they get it, even if a newer one comes meanwhile; if not, it stays in the slot.
        """
        with self._changed:
            if self._claimed is not None:
                return
            frame = self._latest.peek()
            if frame is None or (self._ahead is not None and self._ahead.frame is frame):
                return
            dropped = self._latest.take_if(frame) if self._is_free else None
            if dropped is not None:
                self._on_busy(True)
        inputs = judge.inspector.prepare(frame.pixels, frozen=frame.frozen, view=frame.view)
        prepared = Prepared(frame, judge, inputs)
        with self._changed:
            if dropped is not None:
                self._claimed = prepared, dropped
            else:
                self._ahead = prepared
            self._changed.notify_all()

    def take(self) -> Judged | None:
        """Return the next judged frame, or None; raises the fault that ended the thread of the models."""
        with self._changed:
            if self._failure is not None:
                raise self._failure
            if not self._judged:
                return None
            if len(self._judged) == MAX_WAITING:
                self._changed.notify_all()
            return self._judged.popleft()

    def _run(self) -> None:
        try:
            while (job := self._next_job()) is not None:
                self.busy_since_s = time.monotonic()
                judged = _judge(*job)
                self.busy_since_s = None
                with self._changed:
                    self._judged.append(judged)
                self._on_change()
        except BaseException as err:  # noqa: BLE001  whatever it is, `take` raises it in the main thread
            with self._changed:
                self._failure = err
            self._on_change()

    def _next_job(self) -> tuple[Prepared, int] | None:
        """Wait for a prepared frame that is still the newest; None when asked to stop."""
        with self._changed:
            while not self._stopping:
                if len(self._judged) < MAX_WAITING:
                    job, self._claimed = self._claimed, None
                    ahead, self._ahead = self._ahead, None
                    if job is None and ahead is not None:
                        dropped = self._latest.take_if(ahead.frame)
                        job = None if dropped is None else (ahead, dropped)
                    if job is not None:
                        self._is_free = False
                        self._on_busy(True)
                        return job
                    if not self._is_free:
                        self._is_free = True
                        self._on_busy(False)
                        self._on_change()
                self._changed.wait(_TICK_S)
            return None


def _judge(prepared: Prepared, dropped: int) -> Judged:
    """Run the models; the main thread handles what they raise, frame by frame."""
    try:
        return Judged(prepared, dropped, prepared.judge.inspector.run(prepared.inputs))
    except Exception as err:  # noqa: BLE001  whatever a bundle on trial does
        return Judged(prepared, dropped, (), err)
