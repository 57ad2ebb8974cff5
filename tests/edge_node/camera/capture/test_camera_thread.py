"""A camera that is faster than its reader, and one whose controls must be in force first."""

import time

import numpy as np

from edge_node.camera.capture.camera_thread import CameraReader
from edge_node.camera.capture.capture_thread import CaptureThread
from edge_node.camera.controls.session import CameraControls
from edge_node.camera.frame import frame_now
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
from tests.support.mjpeg_server import MjpegServer
from tests.support.processes import wait_for
from tests.support.recorded_controls.v4l2 import RecordedKernel


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


class RecordedCamera:
    """A camera of grey frames with recorded controls."""

    live = True
    source = "/dev/video0"

    def __init__(self, kernel):
        self.controls = kernel.device()

    def read(self):
        """Return a frame."""
        time.sleep(0.02)
        return frame_now(np.full((48, 64, 3), 100, np.uint8), 0, self.source)

    def skip(self):
        """Skip a frame."""
        time.sleep(0.02)
        return True

    def close(self):
        """Release nothing."""


def read_recorded(kernel, **wishes):
    """Return a reader of a recorded camera, what it delivered, and its controls."""
    delivered, controls = [], CameraControls(wishes)
    config = CameraConfig(**wishes)
    camera = RecordedCamera(kernel)
    reader = CameraReader(
        config, lambda _reader, frame: delivered.append(frame), camera=camera, controls=controls
    )
    reader.start()
    return reader, delivered, controls


def test_frames_from_before_the_controls_are_in_force_are_not_delivered():
    """They count as captured, but nobody judges a picture of another exposure."""
    reader, delivered, controls = read_recorded(RecordedKernel("c920"), exposure_us=8000.0)
    wait_for(lambda: any(frame is not None for frame in delivered), 5.0, "a frame")
    reader.stop.set()
    reader.done.wait(2.0)
    skipped = next(at for at, frame in enumerate(delivered) if frame is not None)
    assert skipped >= 2
    assert controls.report.controls[0].values == (8000.0,)


def test_a_camera_that_can_never_do_it_ends_the_reader():
    """The reader tells a refusal from a camera that failed."""
    reader, delivered, _ = read_recorded(RecordedKernel("capture_card"), gain=3.0)
    assert reader.done.wait(5.0)
    assert reader.refused
    assert "gain = 3: this camera has no control of its gain" in reader.error
    assert delivered == []
