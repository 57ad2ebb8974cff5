"""Read MJPEG over HTTP, the stream of most small network cameras: JPEGs as parts of one response.

FFmpeg completes a truncated JPEG with what it has, and scales every frame to the size of the first. Here a
truncated JPEG is refused, each frame keeps its size, and there is no half second of probing.

Source: RFC 2046, section 5.1 (multipart); the boundary as cameras write it, with or without dashes.
"""

from __future__ import annotations

import logging
import re
import time
from http.client import HTTPException
from typing import TYPE_CHECKING

from edge_node.camera.frame import Frame, frame_now
from edge_node.camera.picture import decode_picture
from edge_node.errors import CameraError, UnreadablePictureError

if TYPE_CHECKING:
    import threading
    from http.client import HTTPResponse

    from edge_node.camera.source import Source
    from edge_node.config.sections import CameraConfig

MAX_FRAME_BYTES = 32 * 1024 * 1024  # 60 megapixels as a good JPEG
_MAX_HEADER_LINES = 40
_CHUNK_BYTES = 64 * 1024
_LENGTH = re.compile(rb"[0-9]{1,9}")

_log = logging.getLogger(__name__)


class MjpegCamera:
    """Read frames from an MJPEG stream; satisfies ``Camera``.

    Attributes:
        damaged: number of frames that were no whole JPEG, and were skipped.
    """

    live = True

    def __init__(
        self,
        source: Source,
        config: CameraConfig,
        response: HTTPResponse,
        *,
        stop: threading.Event,
        first_frame_id: int = 0,
    ) -> None:
        """Read from ``response``, which has parts."""
        self.source = source.name
        self.damaged = 0
        self._response = response
        self._timeout_s = config.timeout_ms / 1000
        self._stop = stop
        self._next_frame_id = first_frame_id
        declared = response.headers.get_boundary() or ""
        self._boundary = b"--" + declared.removeprefix("--").encode("latin-1", "replace")
        self._begins = True
        self._pending = b""
        self._why = ""  # the last frame was left out

    def read(self) -> Frame | None:
        """Return the next whole frame, or None when stopped.

        Raises:
            CameraError: none came within the timeout, or the server ended the stream.
        """
        deadline_s = time.monotonic() + self._timeout_s
        while not self._stop.is_set():
            content = self._next_part(deadline_s)
            try:
                pixels = decode_picture(content, "frame")
            except UnreadablePictureError as err:
                self.damaged += 1
                self._why = f" ({err})"
                if self.damaged.bit_count() == 1:  # the 1st, 2nd, 4th, 8th ...
                    _log.warning("%s: %s; left out (%d so far)", self.source, err, self.damaged)
                continue
            self._why = ""
            frame = frame_now(pixels, self._next_frame_id, self.source)
            self._next_frame_id += 1
            return frame
        return None

    def skip(self) -> bool:
        """Read the next frame without decoding it; False when stopped.

        Raises:
            CameraError: none came within the timeout, or the server ended the stream.
        """
        if self._stop.is_set():
            return False
        self._next_part(time.monotonic() + self._timeout_s)
        self._next_frame_id += 1
        return True

    def close(self) -> None:
        """Close the connection."""
        self._response.close()

    def _next_part(self, deadline_s: float) -> bytes:
        """Return the content of the next part of the response."""
        if self._begins:
            self._find_boundary(deadline_s)
        self._read_until(self._boundary, deadline_s)
        self._read_until(b"\n", deadline_s)  # the rest of the boundary's line
        length = 0
        for _ in range(_MAX_HEADER_LINES):
            line = self._read_until(b"\n", deadline_s).strip()
            if not line:
                break
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length" and _LENGTH.fullmatch(value.strip()):
                length = int(value)
        if length:
            return self._read_exactly(length, deadline_s)
        # Without a length the part ends where the next begins.
        content = self._read_until(self._boundary, deadline_s)
        self._pending = self._boundary + self._pending
        return content.removesuffix(b"\r\n")

    def _find_boundary(self, deadline_s: float) -> None:
        """Take the boundary of the first line, where it is one: cameras declare another, or none."""
        line = b""
        while not line:
            line = self._read_until(b"\n", deadline_s).strip()
        if line.startswith(b"--"):
            self._boundary = line
        self._pending = line + b"\n" + self._pending
        self._begins = False

    def _read_until(self, mark: bytes, deadline_s: float) -> bytes:
        """Return the bytes before ``mark``; those behind it stay for the next read."""
        while (at := self._pending.find(mark)) < 0:
            self._pending += self._read_some(deadline_s)
        found, self._pending = self._pending[:at], self._pending[at + len(mark) :]
        return found

    def _read_exactly(self, length: int, deadline_s: float) -> bytes:
        if length > MAX_FRAME_BYTES:
            raise CameraError(f"{self.source}: a frame of {length} bytes; at most {MAX_FRAME_BYTES} are read")
        parts, have = [self._pending], len(self._pending)
        while have < length:
            parts.append(self._read_some(deadline_s))
            have += len(parts[-1])
        content = b"".join(parts)
        self._pending = content[length:]
        return content[:length]

    def _read_some(self, deadline_s: float) -> bytes:
        if time.monotonic() >= deadline_s:
            raise self._no_frame()
        if len(self._pending) > MAX_FRAME_BYTES:
            raise CameraError(f"{self.source}: {len(self._pending)} bytes without a frame among them")
        try:
            found = self._response.read1(_CHUNK_BYTES)
        except TimeoutError as err:
            raise self._no_frame() from err
        except (OSError, HTTPException, ValueError) as err:
            raise CameraError(f"{self.source}: the connection broke ({type(err).__name__})") from err
        if not found:
            raise CameraError(f"{self.source}: the camera stopped giving frames")
        return found

    def _no_frame(self) -> CameraError:
        what = "no whole frame" if self._why else "no frame"
        return CameraError(f"{self.source}: {what} for {self._timeout_s * 1000:.0f} ms{self._why}")
