"""The numbers of a view: bounds of the crop, and coefficients that OpenCV knows."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.messages.camera_view import Crop, Lens


def test_a_crop_lies_in_its_picture():
    """One that reaches beyond is refused with both sizes."""
    with pytest.raises(ValueError, match="reaches to 700 x 480 px, beyond the picture of 640 x 480 px"):
        Crop(left_px=100, top_px=0, width_px=600, height_px=480, of_px=(640, 480))
    Crop(left_px=40, top_px=0, width_px=600, height_px=480, of_px=(640, 480))


def test_numbers_that_no_lens_has_are_refused_when_a_message_is_read():
    """OpenCV would fail on them."""
    lens = Lens(
        model="pinhole",
        width_px=10,
        height_px=10,
        fx_px=5,
        fy_px=5,
        cx_px=5,
        cy_px=5,
        coefficients=(0, 0, 0, 0),
    )
    content = msgspec.json.encode(lens)
    assert msgspec.json.decode(content, type=Lens) == lens
    with pytest.raises(msgspec.ValidationError, match="5 distortion coefficients, a fisheye"):
        msgspec.json.decode(content.replace(b"pinhole", b"fisheye").replace(b"[0", b"[0,0"), type=Lens)
