"""What a GStreamer pipeline reads from: raw pictures over TCP, from a peer that can be told to misbehave."""

from __future__ import annotations

import socketserver
import threading
import time
from contextlib import suppress

from tests.support.mjpeg_server import FRAME_INTERVAL_S, Behaviour, moving_picture
from tests.support.tcp_server import TcpServer


class PipelineServer:
    """Serves ``url``, a ``gst:`` source; ``behaviour`` may be changed while a pipeline reads."""

    def __init__(self, port: int = 0) -> None:
        self.behaviour = Behaviour.STREAM
        self.size = (320, 240)
        self._stopped = threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # the pipeline ended
                    outer.serve(self.request)

        self._server = TcpServer(Handler, port)
        self.port = self._server.port
        width, height = self.size
        self.url = (
            f"gst:tcpclientsrc host=127.0.0.1 port={self.port}"
            f" ! rawvideoparse width={width} height={height} format=bgr framerate=30/1"
        )

    def close(self) -> None:
        """Stop listening, and drop every pipeline."""
        self._stopped.set()
        self._server.stop()

    def serve(self, pipeline) -> None:
        """Send pictures in the present way."""
        count = 0
        while not self._stopped.is_set():
            if self.behaviour is Behaviour.HANG_UP and count >= 3:
                return
            if self.behaviour is Behaviour.MUTE:
                self._stopped.wait(30)
                return
            repeats = self.behaviour is Behaviour.REPEAT
            content = moving_picture(self.size, 0 if repeats else count).tobytes()
            if self.behaviour is Behaviour.STALL:
                pipeline.sendall(content[: len(content) // 2])
                self._stopped.wait(30)
                return
            pipeline.sendall(content)
            count += 1
            time.sleep(FRAME_INTERVAL_S)
