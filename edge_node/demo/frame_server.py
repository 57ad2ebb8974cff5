"""Serve the simulated cameras of the demonstration over HTTP: a request is answered with the next picture.

Not a stream: in one, pictures wait for a robot that is slow, and then belong to a place that it has left.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAIT_S = 0.5


class CameraSlot:
    """The newest picture of one simulated camera; one thread fills it, its viewers take it."""

    def __init__(self) -> None:
        self.viewed = threading.Event()  # somebody watches, or has watched
        self.taken = threading.Event()  # whoever got the newest picture has read it, and asks for the next
        self._changed = threading.Condition()
        self._content = b""
        self._number = self._handed_out = 0

    def put(self, content: bytes) -> None:
        """Show another JPEG."""
        with self._changed:
            self._content, self._number = content, self._number + 1
            self.taken.clear()
            self._changed.notify_all()

    def take(self) -> bytes:
        """Return the next JPEG; b"" if none comes within half a second: an older one shows another place."""
        with self._changed:
            seen = self._number
            if self._handed_out == seen:
                self.taken.set()
            if not self._changed.wait_for(lambda: self._number > seen, _WAIT_S):
                return b""
            self._handed_out = self._number
            return self._content


class FrameServer:
    """Serve ``/NAME.jpg`` for each slot."""

    def __init__(self, slots: dict[str, CameraSlot]) -> None:
        self._slots = slots
        self._stopped = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(OSError):  # the viewer left
                    outer._serve(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="cameras")
        self._thread.start()

    def address(self, name: str) -> str:
        """Return the address of a camera."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}.jpg"

    def close(self) -> None:
        """Stop listening, and let the viewers go."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        slot = self._slots.get(handler.path.strip("/").removesuffix(".jpg"))
        if slot is None:
            handler.send_error(404)
            return
        slot.viewed.set()
        content = b""
        while not content and not self._stopped.is_set():
            content = slot.take()
        handler.send_response(200)
        handler.send_header("Content-Type", "image/jpeg")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


@contextmanager
def serve_cameras(slots: dict[str, CameraSlot]) -> Iterator[FrameServer]:
    """Serve the cameras while the context is open."""
    server = FrameServer(slots)
    try:
        yield server
    finally:
        server.close()
