"""What EXIF data say of a picture."""

from __future__ import annotations

import io
from datetime import datetime

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from converter.data.picture_facts import PictureFacts, read_facts, turn_to_shown, turn_to_stored
from edge_node.camera.picture import decode_picture
from tests.support.foreign_sets import picture, with_orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_that_of_pillow_and_of_our_decoder(orientation):
    """All eight orientations: stored pixels turned are those that the decoder shows, and the way back."""
    content = with_orientation(cv2.imencode(".jpg", picture(3))[1].tobytes(), orientation)
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    shown = decode_picture(content, "picture")
    facts = read_facts(content, shown)
    assert facts.orientation == orientation
    assert facts.stored_size(shown.shape) == stored.shape[:2]
    np.testing.assert_array_equal(turn_to_shown(stored, orientation), shown)
    np.testing.assert_array_equal(turn_to_stored(shown, orientation), stored)
    by_pillow = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert by_pillow.size == (shown.shape[1], shown.shape[0])


def test_camera_and_time_are_read():
    """Of what a camera writes; a picture without EXIF data, or with damaged ones, tells nothing."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Make\0", "Model 7"
    exif.get_ifd(0x8769)[0x9003] = "2026:05:04 03:02:01"
    stream = io.BytesIO()
    Image.fromarray(picture(1)).save(stream, "JPEG", exif=exif)
    shown = decode_picture(stream.getvalue(), "picture")
    wanted = PictureFacts(camera="Make Model 7", taken_at=datetime(2026, 5, 4, 3, 2, 1))  # noqa: DTZ001
    assert read_facts(stream.getvalue(), shown) == wanted
    assert read_facts(cv2.imencode(".png", shown)[1].tobytes(), shown) == PictureFacts()
    assert read_facts(b"no picture", shown) == PictureFacts()


def test_a_picture_that_the_decoder_does_not_turn_is_upright():
    """Where EXIF data stand in a file whose decoder leaves them alone, nothing is turned a second time."""
    content = with_orientation(cv2.imencode(".jpg", picture(3))[1].tobytes(), 3)
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert read_facts(content, stored).orientation == 1
