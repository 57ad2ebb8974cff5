"""Serve the simulated cameras of the demonstration as MJPEG streams over HTTP, on a free loopback port."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUNDARY = "frame"
_WAIT_S = 0.5


class CameraSlot:
    """The newest picture of one simulated camera; one thread fills it, its viewers take it."""

    def __init__(self) -> None:
        self.viewed = threading.Event()  # somebody watches, or has watched
        self._changed = threading.Condition()
        self._content = b""
        self._number = 0

    def put(self, content: bytes) -> None:
        """Show another JPEG."""
        with self._changed:
            self._content, self._number = content, self._number + 1
            self._changed.notify_all()

    def take(self, after: int) -> tuple[bytes, int]:
        """Return the newest JPEG and its number, b"" if none came after ``after`` within half a second."""
        with self._changed:
            is_new = self._changed.wait_for(lambda: self._number > after, _WAIT_S)
            return (self._content if is_new else b""), self._number


class FrameServer:
    """Serve ``/NAME.mjpg`` for each slot."""

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
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}.mjpg"

    def close(self) -> None:
        """Stop listening, and let the viewers go."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        slot = self._slots.get(handler.path.strip("/").removesuffix(".mjpg"))
        if slot is None:
            handler.send_error(404)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        handler.end_headers()
        slot.viewed.set()
        number = 0
        while not self._stopped.is_set():
            content, number = slot.take(number)
            if content:
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
                handler.wfile.write(head.encode() + content + b"\r\n")


@contextmanager
def serve_cameras(slots: dict[str, CameraSlot]) -> Iterator[FrameServer]:
    """Serve the cameras while the context is open."""
    server = FrameServer(slots)
    try:
        yield server
    finally:
        server.close()
