"""Pipelines of GStreamer as cameras: whole pictures, skipped frames, ends and hangs."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from edge_node.camera.capture.capture_thread import CameraCondition, CaptureThread
from edge_node.camera.capture.opening import open_camera
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
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
