"""Start, feed, pause and end the shadow's process from the daemon."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec

from edge_node.errors import CorrosionError
from edge_node.shadow.worker import ShadowAnswer, ShadowPicture, WorkerReady, WorkerSetup

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.view.recorded_view import RecordedView

_T = TypeVar("_T")

RUN_LIMIT_S = 300.0  # of running time for one picture; the process only gets spare time
MAX_ANSWER_BYTES = 1024 * 1024  # an answer is 2 kB
_TURN_S = 0.5  # delay in noticing a stop
_END_S = 2.0


class ShadowRefusedError(CorrosionError):
    """The shadow's bundle cannot be used; the text says why."""


class ShadowEndedError(CorrosionError):
    """The process ended, or does not answer; a new one may work."""


class ShadowProcess:
    """Run one bundle in one process; ``wait`` and ``go_on`` may be called from another thread."""

    def __init__(self, setup: WorkerSetup, stopping: Callable[[], bool]) -> None:
        """Start the process; call ``load`` next.

        Raises:
            ShadowEndedError: it cannot be started.
        """
        self._stopping = stopping
        self._waits = False
        self._went_on_s = time.monotonic()
        self._ran_s = 0.0
        self._received = b""
        self._setup = setup
        self._link, theirs = socket.socketpair()
        self._link.settimeout(_TURN_S)
        with theirs:
            command = [sys.executable, "-m", "edge_node.shadow.worker"]
            try:
                # Whatever it or its runtime prints goes to the log: descriptor 2 is the daemon's stderr.
                self._process: subprocess.Popen[bytes] = subprocess.Popen(
                    command, stdin=theirs.fileno(), stdout=2
                )
            except OSError as err:
                self._link.close()
                raise ShadowEndedError(f"its process cannot be started: {err.strerror or err}") from err

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def load(self) -> WorkerReady:
        """Load the bundle and return the process's report.

        Raises:
            ShadowRefusedError: the bundle cannot be used.
            ShadowEndedError: the process ended.
        """
        self._send(msgspec.json.encode(self._setup) + b"\n")
        ready = self._answer(WorkerReady)
        if ready.bundle is None:
            raise ShadowRefusedError(ready.refusal)
        return ready

    def judge(self, pixels: NDArray[np.uint8], view: RecordedView | None = None) -> ShadowAnswer:
        """Return the shadow's decision on a picture.

        Args:
            pixels: the camera's picture, uint8 ``(height, width, 3)``.
            view: of it, to be judged; None for the picture as it is.

        Raises:
            ShadowEndedError: the process ended.
        """
        height_px, width_px = pixels.shape[:2]
        picture = ShadowPicture(height_px=height_px, width_px=width_px, view=view)
        self._send(msgspec.json.encode(picture) + b"\n")
        self._send(pixels.tobytes())
        return self._answer(ShadowAnswer)

    def wait(self) -> None:
        """Stop the process at once with SIGSTOP."""
        if not self._waits:
            self._waits = True
            self._ran_s += time.monotonic() - self._went_on_s
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue the process with SIGCONT."""
        if self._waits:
            self._waits = False
            self._went_on_s = time.monotonic()
            self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """End the process; kill it if it does not end."""
        self._link.close()
        self.go_on()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2 if self._stopping() else _END_S)
        self._process.kill()
        self._process.wait()

    def _running_s(self) -> float:
        return self._ran_s + (0.0 if self._waits else time.monotonic() - self._went_on_s)

    def _send(self, content: bytes) -> None:
        self._ran_s, self._went_on_s = 0.0, time.monotonic()
        left = memoryview(content)
        while left:
            try:
                left = left[self._link.send(left) :]
            except TimeoutError:
                self._check()
            except OSError as err:
                raise self._end_error() from err

    def _answer(self, kind: type[_T]) -> _T:
        while b"\n" not in self._received:
            try:
                more = self._link.recv(65_536)
            except TimeoutError:
                self._check()
                continue
            except OSError as err:
                raise self._end_error() from err
            self._received += more
            if not more or len(self._received) > MAX_ANSWER_BYTES:
                raise self._end_error()
        line, _, self._received = self._received.partition(b"\n")
        try:
            return msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as err:
            raise ShadowEndedError(f"its process answers what is no answer: {err}") from err

    def _check(self) -> None:
        if self._stopping():
            raise ShadowEndedError("the daemon stops")
        if self._running_s() > RUN_LIMIT_S:
            raise ShadowEndedError(f"its process has not answered for {RUN_LIMIT_S:.0f} s")

    def _end_error(self) -> ShadowEndedError:
        """Return the error that says how the process ended."""
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return ShadowEndedError("its process closed the connection")
        if code < 0:
            with suppress(ValueError):
                return ShadowEndedError(f"its process was ended by {signal.Signals(-code).name}")
        return ShadowEndedError(f"its process ended with exit code {code}")
