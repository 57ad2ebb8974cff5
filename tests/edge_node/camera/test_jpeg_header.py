"""Several pictures in one JPEG: each that is one of its own is found."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.camera.jpeg_header import check_jpeg, picture_starts
from edge_node.camera.picture import decode_picture, list_pages
from edge_node.errors import UnreadablePictureError
from tests.support.encoded_pictures import encoded
from tests.support.multi_picture import PREVIEW, STEREO, UNDEFINED, multi_picture


@pytest.fixture
def jpegs(pixels):
    """Three JPEGs of one size, and a small one."""
    return [encoded(np.roll(pixels, 20 * index, 1), ".jpg") for index in range(3)], encoded(
        pixels[::4, ::4], ".jpg"
    )


def test_frames_of_a_stereo_camera_are_pages(jpegs):
    """Each is decoded as it stands in a file of its own, with its number."""
    wholes, _ = jpegs
    content = multi_picture(wholes[0], (STEREO, wholes[1]), (UNDEFINED, wholes[2]))
    pages = list_pages(content, "a.mpo")
    assert [(page.where, page.index) for page in pages] == [(f"a.mpo#{n + 1}", n) for n in range(3)]
    for page, alone in zip(pages, wholes, strict=True):
        assert np.array_equal(page.decode(), decode_picture(alone, "b"))
    with pytest.raises(UnreadablePictureError, match="holds 3 pictures"):
        decode_picture(content, "a.mpo")


def test_previews_and_gain_maps_are_no_pages(jpegs):
    """A phone's picture with a preview and a map for bright screens is one picture."""
    (whole, other, _), small = jpegs
    gain_map = other[:2] + b"\xff\xe1\x00\x0ehdrgm:Version" + other[2:]
    content = multi_picture(whole, (PREVIEW, other), (UNDEFINED, small), (UNDEFINED, gain_map))
    assert picture_starts(content) == (0,)
    assert np.array_equal(decode_picture(content, "a"), decode_picture(whole, "b"))


def test_a_damaged_list_leaves_the_first_picture(jpegs):
    """An offset beyond the file names no picture, and a list that is cut off none but the first."""
    (whole, other, _), _ = jpegs
    content = multi_picture(whole, (STEREO, other))
    assert picture_starts(content[: len(content) - len(other)]) == (0,)
    assert picture_starts(content[:40]) == (0,)


def test_the_frame_header_is_found(jpegs):
    """Width, height and bits, and a JPEG of 12 bits is refused by its name."""
    (whole, *_), _ = jpegs
    frame = check_jpeg(whole, "a")
    assert (frame.width, frame.height, frame.bits) == (96, 64, 8)
    at = whole.index(b"\xff\xc0") + 4
    with pytest.raises(UnreadablePictureError, match="a JPEG of 12 bits is not read"):
        decode_picture(whole[:at] + b"\x0c" + whole[at + 1 :], "a")
