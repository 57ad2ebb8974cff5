"""The daemon's end of the shadow's process: starts it, hands it pictures, makes it wait, ends it."""

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

_T = TypeVar("_T")

RUN_LIMIT_S = 300.0  # it gets only what time is left; a model that needs minutes for a picture is no model
MAX_ANSWER_BYTES = 1024 * 1024  # an answer is 2 kB
_TURN_S = 0.5  # how soon a stop is noticed
_END_S = 2.0


class ShadowRefusedError(CorrosionError):
    """The bundle on trial cannot be used; its text says why."""


class ShadowEndedError(CorrosionError):
    """The process ended, or does not answer; another one may do."""


class ShadowProcess:
    """One process with one bundle; ``wait`` and ``go_on`` may be called from another thread."""

    def __init__(self, setup: WorkerSetup, stopping: Callable[[], bool]) -> None:
        """Start it; ``load`` comes next.

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
                # What it, or its runtime, prints goes to the log: 2 is our own stderr.
                self._process: subprocess.Popen[bytes] = subprocess.Popen(
                    command, stdin=theirs.fileno(), stdout=2
                )
            except OSError as err:
                self._link.close()
                raise ShadowEndedError(f"its process cannot be started: {err.strerror or err}") from err

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def load(self) -> WorkerReady:
        """Return what it loaded.

        Raises:
            ShadowRefusedError: the bundle cannot be used.
            ShadowEndedError: it ended.
        """
        self._send(msgspec.json.encode(self._setup) + b"\n")
        ready = self._answer(WorkerReady)
        if ready.bundle is None:
            raise ShadowRefusedError(ready.refusal)
        return ready

    def judge(self, pixels: NDArray[np.uint8]) -> ShadowAnswer:
        """Return what the bundle on trial says of a picture, uint8 ``(height, width, 3)``.

        Raises:
            ShadowEndedError: it ended.
        """
        height_px, width_px = pixels.shape[:2]
        self._send(msgspec.json.encode(ShadowPicture(height_px=height_px, width_px=width_px)) + b"\n")
        self._send(pixels.tobytes())
        return self._answer(ShadowAnswer)

    def wait(self) -> None:
        """Make it wait, at once, wherever it is."""
        if not self._waits:
            self._waits = True
            self._ran_s += time.monotonic() - self._went_on_s
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        if self._waits:
            self._waits = False
            self._went_on_s = time.monotonic()
            self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """End it, whatever it does."""
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
                raise self._ended() from err

    def _answer(self, kind: type[_T]) -> _T:
        while b"\n" not in self._received:
            try:
                more = self._link.recv(65_536)
            except TimeoutError:
                self._check()
                continue
            except OSError as err:
                raise self._ended() from err
            self._received += more
            if not more or len(self._received) > MAX_ANSWER_BYTES:
                raise self._ended()
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

    def _ended(self) -> ShadowEndedError:
        """Return why: how the process ended."""
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return ShadowEndedError("its process closed the connection")
        if code < 0:
            with suppress(ValueError):
                return ShadowEndedError(f"its process was ended by {signal.Signals(-code).name}")
        return ShadowEndedError(f"its process ended with exit code {code}")
