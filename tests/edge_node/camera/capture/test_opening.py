"""Opening cameras: what cannot be one is named."""

from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import cv2
import pytest

from edge_node.camera.capture.opening import open_camera
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from tests.support.mjpeg_server import moving_picture


def test_a_device_that_is_none_is_named():
    """A device node that is no camera is refused in one line."""
    with pytest.raises(CameraError, match="cannot be opened"):
        open_camera(CameraConfig(source="/dev/null"), stop=threading.Event())


def test_a_stream_cannot_lead_to_a_local_file(tmp_path):
    """A playlist that a server sends may not make FFmpeg show a video file of the robot."""
    secret = tmp_path / "secret.ts"
    writer = cv2.VideoWriter(str(secret), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for count in range(50):
        writer.write(moving_picture((64, 48), count))
    writer.release()
    assert secret.stat().st_size > 1000
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nfile://{secret}\n#EXT-X-ENDLIST\n"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(playlist)))
            self.end_headers()
            self.wfile.write(playlist.encode())

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/live.m3u8"
    with pytest.raises(CameraError, match="no video"):
        open_camera(CameraConfig(source=url, timeout_ms=2000), stop=threading.Event())
    server.shutdown()
    assert "OPENCV_FFMPEG_CAPTURE_OPTIONS" not in os.environ


def test_a_csi_camera_without_its_board_says_what_to_install():
    """On a machine that is neither Pi nor Jetson, csi:0 names the package."""
    with pytest.raises(CameraError, match=r"picamera2|cannot be opened"):
        open_camera(CameraConfig(source="csi:0"), stop=threading.Event())
