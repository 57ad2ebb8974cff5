"""Read frames from a GStreamer pipeline in a process of its own, which is killed if it hangs.

The OpenCV wheels are built without GStreamer. A separate process needs no other OpenCV, and a driver that
crashes does not take the node down. It gets the pipeline by standard input, so that no password in it stands
in the list of processes.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_node.camera.backends import pipeline_process
from edge_node.camera.backends.pipeline_text import join_for_parser, shown_error, split_pipeline
from edge_node.camera.frame import Frame, frame_now
from edge_node.errors import CameraError

if TYPE_CHECKING:
    import threading

    from numpy.typing import NDArray

    from edge_node.config.sections import CameraConfig

DEFAULT_WIDTH_PX, DEFAULT_HEIGHT_PX = 640, 480  # where the configuration names no size
_PIPE_BYTES = 1024 * 1024  # the largest pipe of an unprivileged process: fewer wake-ups per frame
_STOP_TIMEOUT_S = 1.0
_MAX_STDERR_BYTES = 2000
_TELLTALES = ("GST_DEBUG", "GST_TRACERS")  # beginnings of environment variables


class GStreamerCamera:
    """Read frames from a pipeline whose last element gives raw video; satisfies ``Camera``."""

    live = True

    def __init__(
        self,
        pipeline: str,
        name: str,
        config: CameraConfig,
        *,
        stop: threading.Event,
        first_frame_id: int = 0,
    ) -> None:
        """Start the pipeline, with frames scaled to ``width_px`` x ``height_px``.

        Raises:
            CameraError: the pipeline cannot be read.
        """
        self.source = name
        self._timeout_ms = config.timeout_ms
        self._stop = stop
        self._next_frame_id = first_frame_id
        self._width = config.width_px or DEFAULT_WIDTH_PX
        self._height = config.height_px or DEFAULT_HEIGHT_PX
        self._stderr = b""
        self._skipped: NDArray[np.uint8] | None = None  # buffer that skipped frames are read into
        self._words = _split(pipeline, name, self._width, self._height)
        self._process = _launch(self._words)
        self._selector = selectors.DefaultSelector()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                self._selector.register(stream.fileno(), selectors.EVENT_READ)
        self._stdout_fd = self._process.stdout.fileno() if self._process.stdout else -1
        with suppress(OSError):  # only a matter of speed
            fcntl.fcntl(self._stdout_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def read(self) -> Frame | None:
        """Return the next frame, or None when stopped.

        Raises:
            CameraError: none came within the timeout, or the pipeline ended.
        """
        buffer = self._buffer()
        if not self._fill(buffer.reshape(-1).data):
            return None
        pixels = buffer[:, : self._width * 3].reshape(self._height, self._width, 3)
        frame = frame_now(pixels, self._next_frame_id, self.source)
        self._next_frame_id += 1
        return frame

    def skip(self) -> bool:
        """Read the next frame and discard it; False when stopped.

        Raises:
            CameraError: none came within the timeout, or the pipeline ended.
        """
        if self._skipped is None:
            self._skipped = self._buffer()
        if not self._fill(self._skipped.reshape(-1).data):
            return False
        self._next_frame_id += 1
        return True

    def close(self) -> None:
        """End the pipeline's process; kill it if it does not end."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _buffer(self) -> NDArray[np.uint8]:
        # GStreamer pads each line to four bytes.
        return np.empty((self._height, (self._width * 3 + 3) // 4 * 4), np.uint8)

    def _fill(self, view: memoryview) -> bool:
        """Read until ``view`` is full; False when stopped."""
        deadline_s = time.monotonic() + self._timeout_ms / 1000
        filled = 0
        while filled < len(view):
            if self._stop.is_set():
                return False
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise CameraError(f"{self.source}: no frame for {self._timeout_ms} ms")
            for key, _ in self._selector.select(min(left_s, 0.2)):
                if key.fd == self._stdout_fd:
                    count = os.readv(key.fd, [view[filled:]])
                    if count == 0:
                        raise CameraError(f"{self.source}: the pipeline ended{self._last_error()}")
                    filled += count
                elif output := os.read(key.fd, 4096):
                    self._stderr = (self._stderr + output)[-_MAX_STDERR_BYTES:]
                else:
                    self._selector.unregister(key.fd)
        return True

    def _last_error(self) -> str:
        """Return the pipeline's first error or warning, as the rest of a sentence."""
        if self._process.stderr is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)
                self._stderr += os.read(self._process.stderr.fileno(), _MAX_STDERR_BYTES)
        lines = self._stderr.decode("utf-8", "replace").splitlines()
        if not lines:
            return ""
        # The last line is the process's own; those before it are libraries' warnings.
        error = lines[-1] if lines[-1] == pipeline_process.MISSING else shown_error(lines[-1], self._words)
        return f": {error}"


def _split(pipeline: str, name: str, width: int, height: int) -> list[str]:
    tail = (
        f"! videoconvert ! videoscale ! video/x-raw,format=BGR,width={width},height={height}"
        # The pipeline keeps the newest frame and drops older ones.
        " ! queue leaky=downstream max-size-buffers=1 ! fdsink fd=1 sync=false"
    )
    try:
        return [*split_pipeline(pipeline), *tail.split()]
    except ValueError:
        raise CameraError(f"{name}: the pipeline cannot be read: a quotation in it has no end") from None


def _launch(words: list[str]) -> subprocess.Popen[bytes]:
    program = Path(pipeline_process.__file__)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        # GStreamer's debug log would hold the pipeline.
        env={key: value for key, value in os.environ.items() if not key.startswith(_TELLTALES)},
    )
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(join_for_parser(words).encode())
    return process
