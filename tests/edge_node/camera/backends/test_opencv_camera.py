"""What live cameras have in common: fresh frames, credible stamps, memory that stays flat; pipelines."""

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edge_node.camera.backends.csi import jetson_pipeline
from edge_node.camera.backends.opencv_camera import choose_stamp_ns, to_three_channels
from edge_node.camera.capture.capture_thread import CameraCondition, CaptureThread
from edge_node.camera.capture.frozen_stream import FrozenStreamDetector
from edge_node.camera.capture.opening import open_camera
from edge_node.camera.frame import Frame, frame_now
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from tests.support.mjpeg_server import Behaviour, MjpegServer
from tests.support.processes import wait_for

needs_gstreamer = pytest.mark.skipif(
    not shutil.which("gst-launch-1.0"), reason="gst-launch-1.0 (apt: gstreamer1.0-tools) is not installed"
)


def read_until_it_fails(camera):
    """Read frames, and close the camera when it fails."""
    try:
        while True:
            camera.read()
    finally:
        camera.close()


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


@pytest.mark.parametrize(
    ("stamp_ms", "now_ms", "expected_ms"),
    [
        (1000.0, 1033.0, 1000.0),  # 33 ms ago: believed
        (0.0, 1033.0, 1033.0),  # the driver says nothing
        (-1.0, 1033.0, 1033.0),  # the property is not supported
        (2000.0, 1033.0, 1033.0),  # the future
        (1000.0, 12_000.0, 12_000.0),  # another clock
        (1.7e12, 1033.0, 1033.0),  # the wall clock
    ],
)
def test_a_drivers_stamp_is_believed_only_where_it_can_be_true(stamp_ms, now_ms, expected_ms):
    """A frame's age counts from the driver's capture time, unless that time is of another clock."""
    assert choose_stamp_ns(stamp_ms, int(now_ms * 1e6)) == int(expected_ms * 1e6)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3)])
def test_grey_cameras_give_three_channels(shape):
    """Thermal and machine-vision cameras give one channel; every model wants three."""
    assert to_three_channels(np.full(shape, 7, np.uint8)).shape == (4, 6, 3)


def frame(shade, at_ms):
    """Return a small frame of one shade."""
    made = frame_now(np.full((16, 16, 3), shade, np.uint8), 0, "test")
    return Frame(made.pixels, 0, int(at_ms * 1e6), made.observed_at, "test")


def test_frozen_needs_time_and_repetitions():
    """Equal frames count as frozen after the time *and* three repetitions; one different frame ends it."""
    watch = FrozenStreamDetector(100)
    assert [watch.sees_repetition(frame(1, at)) for at in (0, 30, 60, 90, 120)] == [False] * 4 + [True]
    assert not watch.sees_repetition(frame(2, 150))
    assert [watch.sees_repetition(frame(2, at)) for at in (900, 1000)] == [False, False]
    assert watch.sees_repetition(frame(2, 1100))


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


@needs_gstreamer
def test_a_pipeline_gives_its_pictures_without_padding():
    """A width whose lines GStreamer pads to four bytes comes out straight, in blue, green, red."""
    config = CameraConfig(source="gst:videotestsrc pattern=red is-live=true", width_px=322, height_px=50)
    camera = open_camera(config, stop=threading.Event())
    try:
        frames = [camera.read() for _ in range(3)]
    finally:
        camera.close()
    assert [found.frame_id for found in frames] == [0, 1, 2]
    assert frames[2].pixels.shape == (50, 322, 3)
    assert np.all(frames[2].pixels.reshape(-1, 3).astype(int) - (0, 0, 255) < 3)


@needs_gstreamer
def test_a_skipped_frame_of_a_pipeline_counts():
    """What is read past is whole frames: the one after it is straight, and numbered behind it."""
    config = CameraConfig(source="gst:videotestsrc pattern=red is-live=true", width_px=322, height_px=50)
    camera = open_camera(config, stop=threading.Event())
    try:
        skipped = [camera.skip() for _ in range(3)]
        found = camera.read()
    finally:
        camera.close()
    assert skipped == [True] * 3
    assert found.frame_id == 3
    assert np.all(found.pixels.reshape(-1, 3).astype(int) - (0, 0, 255) < 3)


@needs_gstreamer
@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("no_such_element", "no_such_element"),
        ("videotestsrc num-buffers=2", "the pipeline ended"),
        ("'unbalanced", "quot"),
    ],
)
def test_a_pipeline_that_fails_says_why(pipeline, words):
    """An element that is missing, a pipeline that ends, a quote that is open: one line each."""
    with pytest.raises(CameraError, match=words) as caught:
        read_until_it_fails(open_camera(CameraConfig(source=f"gst:{pipeline}"), stop=threading.Event()))
    assert "\n" not in str(caught.value)


@needs_gstreamer
def test_a_pipeline_that_hangs_is_killed_and_started_again():
    """A pipeline without frames is silent within its timeout, and each attempt's process is gone."""
    source = "gst:fakesrc is-live=true num-buffers=0 ! fakesink videotestsrc ! valve drop=true"
    capture = CaptureThread(CameraConfig(source=source, timeout_ms=300), LatestFrame())
    capture.start()
    wait_for(lambda: capture.reconnects >= 2, 8, "two attempts")
    assert capture.state.condition is CameraCondition.SILENT
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text(encoding="ascii")
    capture.stop(3.0)
    assert len(children.split()) <= 1


def test_the_jetson_pipeline_asks_for_the_sensor_and_rate():
    """The pipeline names the sensor and copies out of the Jetson's memory; not run here: no Jetson."""
    pipeline = jetson_pipeline(1, CameraConfig(source="csi:1", fps=30))
    assert "sensor-id=1" in pipeline
    assert "framerate=30/1" in pipeline


def test_a_csi_camera_without_its_board_says_what_to_install():
    """On a machine that is neither Pi nor Jetson, csi:0 names the package."""
    with pytest.raises(CameraError, match=r"picamera2|cannot be opened"):
        open_camera(CameraConfig(source="csi:0"), stop=threading.Event())
