"""Cameras through OpenCV: credible stamps, three channels, and a device with its controls."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_node.camera.backends.opencv_camera import choose_stamp_ns, to_three_channels
from edge_node.errors import CameraError
from tests.support.recorded_controls.v4l2 import FOLDER

# Prints what is in force of a webcam behind /dev/null when its first frame is judged, and that frame's grey.
WATCH = """
import msgspec
from edge_node.camera.capture.capture_thread import CaptureThread
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
latest = LatestFrame()
config = CameraConfig(source="/dev/null", exposure_us=6000.0, gain=20.0, white_balance=4500.0)
with CaptureThread(config, latest) as capture:
    frame, _ = latest.take(10.0)
    report = capture.state.controls
print(msgspec.json.encode([report, float(frame.pixels.mean())]).decode())
"""


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
    assert to_three_channels(np.full(shape, 7, np.uint8), "camera").shape == (4, 6, 3)


def test_frames_of_sixteen_bits_are_scaled_and_others_refused():
    """The upper byte counts, nothing wraps around at 256; values without a full scale are an error."""
    frame = np.array([[0, 255, 256, 65535]], np.uint16)
    assert to_three_channels(frame, "camera")[0, :, 0].tolist() == [0, 0, 1, 255]
    with pytest.raises(CameraError, match="camera: frames of float32 values"):
        to_three_channels(frame.astype(np.float32), "camera")


def test_a_device_is_read_by_opencv_while_its_controls_are_set(tmp_path):
    """By the kernel's own structures, compiled here; what the camera forgets when it streams is set again."""
    compiler, library = shutil.which("cc"), tmp_path / "webcam.so"
    if compiler is None or not Path("/usr/include/linux/videodev2.h").exists():
        pytest.skip("needs a C compiler and the kernel's headers (Debian packages gcc and linux-libc-dev)")
    source = str(FOLDER / "webcam.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), source, "-ldl"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "WEBCAM_FORGETS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", WATCH], capture_output=True, text=True, check=False, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    report, grey = json.loads(ran.stdout)
    found = {one["key"]: (one["values"], one["fault"]) for one in report["controls"]}
    assert found == {"exposure_us": ([6000], ""), "gain": ([20], ""), "white_balance": ([4500], "")}
    assert (report["notes"], report["faults"]) == ([], [])
    assert 10 < grey < 50  # of an exposure of 6 ms; 93 of the one before
