"""A real MJPEG-over-HTTP server on a free loopback port that can be told to misbehave."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.camera_login import CameraLogin

FRAME_INTERVAL_S = 1 / 30


class Behaviour(str, Enum):
    """What the server does with a viewer."""

    STREAM = "stream"  # moving pictures
    REPEAT = "repeat"  # one picture again and again
    STALL = "stall"  # half a frame, then nothing, with the connection open
    GARBAGE = "garbage"  # random bytes where pictures are due
    NOT_FOUND = "not found"  # 404
    HALVES = "halves"  # every third picture is cut off, with a length that fits what is left
    NO_LENGTH = "no length"  # parts without Content-Length, as some cameras send them
    HANG_UP = "hang up"  # three pictures, then the connection is closed
    MUTE = "mute"  # accepts the connection and never answers
    SNAPSHOT = "snapshot"  # one moving picture for each request
    FIXED_SNAPSHOT = "fixed snapshot"  # the same picture for each request
    PAGE = "page"  # a page for people
    TRANSPORT_STREAM = "transport stream"  # the beginning of one, for FFmpeg
    SILENT = "silent"  # RTSP: agrees to everything and sends no picture


_SINGLE = {Behaviour.SNAPSHOT, Behaviour.FIXED_SNAPSHOT, Behaviour.PAGE, Behaviour.TRANSPORT_STREAM}


class MjpegServer:
    """Serves ``url``; ``behaviour`` and ``size`` may be changed while viewers watch."""

    def __init__(self, port: int = 0) -> None:
        self.behaviour = Behaviour.STREAM
        self.size = (320, 240)
        self.interval_s = FRAME_INTERVAL_S
        self.connections = 0
        self.login: CameraLogin | None = None
        self.encoded: Callable[[int], bytes] | None = (
            None  # the JPEG of that number instead of moving pictures
        )
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.connections += 1
                with suppress(OSError):  # the viewer left
                    outer.serve(self)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._stopped = threading.Event()
        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/stream.mjpg"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening, and drop every viewer."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, viewer: BaseHTTPRequestHandler) -> None:
        """Answer one viewer in the present way."""
        asked = self.login and self.login.ask("GET", viewer.path, viewer.headers.get("Authorization"))
        if asked:
            viewer.send_response(401)
            for challenge in asked:
                viewer.send_header("WWW-Authenticate", challenge)
            viewer.end_headers()
            return
        if self.behaviour in _SINGLE:
            self._send_one(viewer)
            return
        if self.behaviour is Behaviour.NOT_FOUND:
            viewer.send_error(404)
            return
        if self.behaviour is Behaviour.MUTE:
            self._stopped.wait(30)
            return
        viewer.send_response(200)
        viewer.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        viewer.end_headers()
        count = 0
        while not self._stopped.is_set():
            if self.behaviour is Behaviour.HANG_UP and count >= 3:
                return
            self._send_frame(viewer, count)
            count += 1
            time.sleep(self.interval_s)

    def _send_one(self, viewer: BaseHTTPRequestHandler) -> None:
        count = 0 if self.behaviour is Behaviour.FIXED_SNAPSHOT else self.connections
        content = cv2.imencode(".jpg", moving_picture(self.size, count))[1].tobytes()
        if self.behaviour is Behaviour.PAGE:
            content = b"<html><title>Camera</title></html>"
        kind = "text/html" if self.behaviour is Behaviour.PAGE else "image/jpeg"
        if self.behaviour is Behaviour.TRANSPORT_STREAM:
            kind, content = "video/mp2t", b"G" * 188
        viewer.send_response(200)
        viewer.send_header("Content-Type", kind)
        viewer.send_header("Content-Length", str(len(content)))
        viewer.end_headers()
        viewer.wfile.write(content)

    def _send_frame(self, viewer: BaseHTTPRequestHandler, count: int) -> None:
        repeats = self.behaviour is Behaviour.REPEAT
        number = 0 if repeats else count
        if self.encoded is not None:
            content = self.encoded(number)
        else:
            content = cv2.imencode(".jpg", moving_picture(self.size, number))[1].tobytes()
        if self.behaviour is Behaviour.GARBAGE:
            content = np.random.default_rng(count).bytes(len(content))
        if self.behaviour is Behaviour.HALVES and count % 3 == 1:
            content = content[: len(content) // 2]
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        if self.behaviour is Behaviour.NO_LENGTH:
            head = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"
        if self.behaviour is Behaviour.STALL:
            viewer.wfile.write(head + content[: len(content) // 2])
            self._stopped.wait(30)
            return
        viewer.wfile.write(head + content + b"\r\n")


def moving_picture(size: tuple[int, int], count: int) -> np.ndarray:
    """Return a picture, ``size`` = width, height, whose stripes have moved by ``count``; no two are equal."""
    width, height = size
    columns = (np.arange(width) * 4 + count * 8) % 256
    picture = np.empty((height, width, 3), np.uint8)
    picture[...] = columns[np.newaxis, :, np.newaxis]
    picture[: height // 4, : width // 4] = (count * 37 % 256, count // 7 * 53 % 256, 128)
    return picture
