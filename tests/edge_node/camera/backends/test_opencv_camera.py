"""Cameras through OpenCV: credible stamps, three channels."""

import numpy as np
import pytest

from edge_node.camera.backends.opencv_camera import choose_stamp_ns, to_three_channels
from edge_node.errors import CameraError


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
