"""The models in a thread of their own: while they look at one frame, the next is made ready beside them.

The runtime lets go of Python while a model runs, so what the node does for the frames before and after costs
the models nothing as long as there is a second core. Nothing is queued before the models: the frame that was
made ready stays in the slot, and is left out when a newer one replaces it there.
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
    from edge_node.inspection.inspector import Inspector, PreparedInspection
    from edge_node.inspection.verdict_recorder import VerdictRecorder

MAX_WAITING = 4  # judged frames that the main thread has not taken; then the models wait for it
_TICK_S = 0.5  # how soon a stop is noticed
# How long the models may wait for Python when they are done and another thread has it; Python's own 5 ms are
# more than a small model needs.
_SWITCH_INTERVAL_S = 0.0005


@dataclass(frozen=True, slots=True)
class Ready:
    """A frame that was made ready, and whose bundle judges it: a new one takes over between two frames."""

    frame: Frame
    inspector: Inspector
    recorder: VerdictRecorder
    prepared: PreparedInspection


@dataclass(frozen=True, slots=True)
class JudgedFrame:
    """A frame that went through the models, with how many were dropped since the one before it."""

    ready: Ready
    dropped: int
    answers: tuple[ModelOutputs, ...]
    failure: Exception | None = None

    def answered(self) -> tuple[ModelOutputs, ...]:
        """Return what the models said; raises what they raised."""
        if self.failure is not None:
            raise self.failure
        return self.answers


class InferenceThread:
    """Runs the models; all but its thread belongs to the main thread.

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
            on_change: called in the thread of the models when ``prepare`` or ``take`` has something to do.
            on_busy: called with true when a frame is for the models, with false when none is any more; must
                be quick.
        """
        self._latest = latest
        self._on_change = on_change
        self._on_busy = on_busy or (lambda _is_busy: None)
        self._changed = threading.Condition()
        self._claimed: tuple[Ready, int] | None = None
        self._ahead: Ready | None = None
        self._judged: deque[JudgedFrame] = deque()
        self._failure: BaseException | None = None
        self._is_free = self._stopping = False
        self.busy_since_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    def start(self) -> None:
        """Start the thread, and have Python change between threads more readily."""
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Judge no further frame, and wait at most ``timeout_s`` for the one that is being judged."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def is_idle(self) -> bool:
        """Whether no frame is in work, here or in the slot."""
        with self._changed:
            free = self._is_free and self._claimed is None and not self._judged
        return free and self._latest.peek() is None

    def prepare(self, inspector: Inspector, recorder: VerdictRecorder) -> None:
        """Make the newest frame ready, if there is one that is not yet; returns at once otherwise.

        If the models are free they get it, whatever comes meanwhile. If they are not, it stays in the slot.
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
        ready = Ready(frame, inspector, recorder, inspector.prepare(frame.pixels, frozen=frame.frozen))
        with self._changed:
            if dropped is not None:
                self._claimed = ready, dropped
            else:
                self._ahead = ready
            self._changed.notify_all()

    def take(self) -> JudgedFrame | None:
        """Return the next judged frame, or None; raises if the thread of the models ended."""
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
                ready, dropped = job
                self.busy_since_s = time.monotonic()
                judged = _judged(ready, dropped)
                self.busy_since_s = None
                with self._changed:
                    self._judged.append(judged)
                self._on_change()
        except BaseException as err:  # noqa: BLE001  whatever it is, the main thread is to end of it
            with self._changed:
                self._failure = err
            self._on_change()

    def _next_job(self) -> tuple[Ready, int] | None:
        """Wait for a frame that is ready and still the newest; None when asked to stop."""
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


def _judged(ready: Ready, dropped: int) -> JudgedFrame:
    """Run the models; what they raise is the main thread's to deal with, frame by frame."""
    try:
        return JudgedFrame(ready, dropped, ready.inspector.run(ready.prepared))
    except Exception as err:  # noqa: BLE001  whatever a bundle on trial does
        return JudgedFrame(ready, dropped, (), err)
