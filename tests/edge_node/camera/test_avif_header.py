"""AVIF pictures are turned as their header says; what OpenCV decodes lies as the sensor had it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.camera.avif_header import is_avif, turn
from edge_node.camera.picture import decode_picture
from tests.support.encoded_pictures import encoded

PICTURE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        (b"", PICTURE),
        (b"\0\0\0\x09irot\x02", PICTURE[::-1, ::-1]),
        (b"\0\0\0\x09irot\x01", np.rot90(PICTURE)),
        (b"\0\0\0\x09irot\x03", np.rot90(PICTURE, 3)),
        (b"\0\0\0\x09imir\x00", PICTURE[::-1]),
        (b"\0\0\0\x09imir\x01", PICTURE[:, ::-1]),
        (b"\0\0\0\x09irot\x01\0\0\0\x09imir\x00", np.rot90(PICTURE)[::-1]),
    ],
)
def test_a_picture_is_rotated_anti_clockwise_and_then_mirrored(boxes, expected):
    """Rotation in quarters, then the exchange of top and bottom or of left and right."""
    assert np.array_equal(turn(PICTURE, b"ftypavif" + boxes), expected)


def test_what_opencv_writes_comes_back_as_it_lay(pixels):
    """Without such boxes nothing is turned; with a rotation in the header the picture stands upright."""
    if not cv2.haveImageWriter("a.avif"):
        pytest.skip("this OpenCV has no AVIF")
    content = encoded(pixels, ".avif")
    assert is_avif(content)
    assert not is_avif(encoded(pixels, ".jpg"))
    whole = decode_picture(content, "a")
    assert np.abs(whole.astype(int) - pixels).mean() < 12
    assert np.array_equal(decode_picture(content + b"\0\0\0\x09irot\x01", "a"), np.rot90(whole))
