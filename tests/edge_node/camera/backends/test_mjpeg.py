"""MJPEG over HTTP: half pictures, missing lengths, passwords, and memory over many connections."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import cv2
import numpy as np
import pytest

from edge_node.camera.capture.opening import open_camera
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from tests.support.mjpeg_server import Behaviour, MjpegServer, moving_picture


@pytest.mark.slow
def test_memory_stays_flat_over_a_thousand_reconnects():
    """Opening, reading three frames and closing 1,000 times grows memory by less than 1 kB each time."""
    server = MjpegServer()
    server.behaviour = Behaviour.HANG_UP
    server.size, server.interval_s = (64, 48), 0.004
    ran = subprocess.run(
        [sys.executable, "-m", "tests.endurance.reconnects", server.url],
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    )
    server.close()
    grown_kb, grown_threads = map(int, ran.stdout.split())
    assert grown_kb < 900
    assert grown_threads <= 0


@pytest.fixture
def mjpeg():
    """Return an MJPEG server, and open cameras on it."""
    server = MjpegServer()
    yield server
    server.close()


def open_on(server):
    """Return a camera that reads the server."""
    return open_camera(CameraConfig(source=server.url, timeout_ms=2000), stop=threading.Event())


def test_half_pictures_are_left_out(mjpeg):
    """Of a stream in which every third picture is cut off the whole ones come, and no grey ones."""
    mjpeg.behaviour = Behaviour.HALVES
    camera = open_on(mjpeg)
    frames = [camera.read() for _ in range(12)]
    camera.close()
    # The stripes run from top to bottom: the last line is the middle one.
    worst = max(np.abs(f.pixels[-1].astype(int) - f.pixels[120].astype(int)).mean() for f in frames)
    assert worst < 5
    assert camera.damaged >= 4
    assert [frame.frame_id for frame in frames] == list(range(12))


def test_parts_without_a_length_are_read(mjpeg):
    """Where no length is given, a picture ends where the next begins."""
    mjpeg.behaviour = Behaviour.NO_LENGTH
    camera = open_on(mjpeg)
    frames = [camera.read() for _ in range(5)]
    camera.close()
    assert {frame.pixels.shape for frame in frames} == {(240, 320, 3)}
    assert camera.damaged == 0


def test_a_password_is_sent_when_it_is_asked_for():
    """A camera that wants basic authentication gets it; a wrong password is an answer in words."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            expected = "Basic " + base64.b64encode(b"inspector:s3 cret").decode()
            if self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--x")
            self.end_headers()
            content = cv2.imencode(".jpg", moving_picture((64, 48), 1))[1].tobytes()
            self.wfile.write(b"--x\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(content), content))

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}/"
    try:
        good = CameraConfig(source=f"http://inspector:s3%20cret@{address}", timeout_ms=2000)
        camera = open_camera(good, stop=threading.Event())
        assert camera.read().pixels.shape == (48, 64, 3)
        camera.close()
        with pytest.raises(CameraError, match="401") as caught:
            open_camera(
                CameraConfig(source=f"http://inspector:wrong@{address}", timeout_ms=2000),
                stop=threading.Event(),
            )
        assert "wrong" not in str(caught.value)
    finally:
        server.shutdown()
