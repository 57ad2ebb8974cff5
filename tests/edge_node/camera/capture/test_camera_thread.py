"""A camera that is faster than its reader."""

import time

from edge_node.camera.capture.capture_thread import CaptureThread
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
from tests.support.mjpeg_server import MjpegServer


def test_a_slow_reader_gets_the_newest_frame():
    """Frames that arrive while nobody takes them are dropped, not queued: the next one taken is young."""
    server = MjpegServer()
    latest = LatestFrame()
    capture = CaptureThread(CameraConfig(source=server.url), latest)
    capture.start()
    latest.take(5.0)
    time.sleep(0.5)
    taken, dropped = latest.take(1.0)
    assert dropped >= 5
    assert taken.age_ms < 100
    capture.stop()
    server.close()
