"""Poll an HTTP address that gives one picture for each request, as many small cameras do."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timezone
from http.client import HTTPException
from typing import TYPE_CHECKING, NamedTuple, Protocol

from edge_node.camera.backends.mjpeg import MAX_FRAME_BYTES
from edge_node.camera.frame import Frame
from edge_node.camera.picture import decode_picture
from edge_node.errors import CameraError, UnreadablePictureError

if TYPE_CHECKING:
    import threading
    from http.client import HTTPResponse

    from edge_node.config.sections import CameraConfig

_CHUNK_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


class Requests(Protocol):
    """Requests to one address."""

    name: str

    def get(self) -> HTTPResponse:
        """Return the response to a request; CameraError if there is none."""


class _Begun(NamedTuple):
    """A response whose content is still to be read, and when it began."""

    response: HTTPResponse
    captured_at_ns: int
    observed_at: datetime


class SnapshotCamera:
    """Request a picture ``fps`` times a second; satisfies ``Camera``.

    A frame's time is the moment at which its response began, when the camera had taken it: a slow network
    makes no picture younger.

    Attributes:
        damaged: number of responses that were no whole picture, and were skipped.
    """

    live = True

    def __init__(
        self,
        address: Requests,
        config: CameraConfig,
        response: HTTPResponse,
        *,
        stop: threading.Event,
        first_frame_id: int = 0,
    ) -> None:
        """Poll ``address``; ``response`` holds the first picture, and has just begun."""
        self.source = address.name
        self.damaged = 0
        self._address = address
        self._begun: _Begun | None = _begin(response)
        self._interval_s = config.snapshot_interval_s
        self._timeout_s = config.timeout_ms / 1000
        self._due_s = time.monotonic() + self._interval_s
        self._stop = stop
        self._next_frame_id = first_frame_id
        _log.info("%s: one picture for each request; asked every %g s", self.source, self._interval_s)

    def read(self) -> Frame | None:
        """Return the next picture when it is due, or None when stopped.

        Raises:
            CameraError: the camera does not answer, or has given no whole picture for the timeout.
        """
        failing_since_s = time.monotonic() + self._interval_s
        while not self._stop.is_set():
            begun = self._begun or self._request()
            self._begun = None
            if begun is None:
                return None
            try:
                pixels = decode_picture(self._read_all(begun.response), "picture")
            except UnreadablePictureError as err:
                self.damaged += 1
                if time.monotonic() - failing_since_s >= self._timeout_s:
                    raise CameraError(f"{self.source}: no whole picture ({err})") from err
                if self.damaged.bit_count() == 1:  # the 1st, 2nd, 4th, 8th ...
                    _log.warning("%s: %s; left out (%d so far)", self.source, err, self.damaged)
                continue
            frame = Frame(pixels, self._next_frame_id, begun.captured_at_ns, begun.observed_at, self.source)
            self._next_frame_id += 1
            return frame
        return None

    def skip(self) -> bool:
        """Wait until the next picture is due without asking for it; False when stopped."""
        if self._begun is not None:
            self._begun.response.close()
            self._begun = None
        elif self._wait_until_due():
            return False
        self._next_frame_id += 1
        return not self._stop.is_set()

    def close(self) -> None:
        """Close the connection of the first picture, if that was not read."""
        if self._begun is not None:
            self._begun.response.close()

    def _request(self) -> _Begun | None:
        """Ask for the next picture when it is due; None when stopped."""
        if self._wait_until_due():
            return None
        return _begin(self._address.get())

    def _wait_until_due(self) -> bool:
        """Wait until the next picture is due; True when stopped. A late one is not made up for."""
        now_s = time.monotonic()
        self._due_s = max(self._due_s, now_s - self._interval_s)
        stopped = self._stop.wait(max(0.0, self._due_s - now_s))
        self._due_s += self._interval_s
        return stopped

    def _read_all(self, response: HTTPResponse) -> bytes:
        """Return the response's content, read within the timeout."""
        deadline_s = time.monotonic() + self._timeout_s
        parts: list[bytes] = []
        size = 0
        try:
            with response:
                while part := response.read1(_CHUNK_BYTES):
                    parts.append(part)
                    size += len(part)
                    if size > MAX_FRAME_BYTES:
                        raise CameraError(f"{self.source}: a picture of more than {MAX_FRAME_BYTES} bytes")
                    if time.monotonic() >= deadline_s:
                        raise CameraError(f"{self.source}: no whole picture for {self._timeout_ms} ms")
        except TimeoutError as err:
            raise CameraError(f"{self.source}: no whole picture for {self._timeout_ms} ms") from err
        except (OSError, HTTPException, ValueError) as err:
            raise CameraError(f"{self.source}: the connection broke within a picture") from err
        return b"".join(parts)

    @property
    def _timeout_ms(self) -> int:
        return round(self._timeout_s * 1000)


def _begin(response: HTTPResponse) -> _Begun:
    return _Begun(response, time.monotonic_ns(), datetime.now(timezone.utc))
