"""TIFF files of which a decoder gives only a part, the rest black, without an error."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.camera.picture import decode_picture, list_pages
from edge_node.camera.tiff_header import iter_directories, places_of_parts
from edge_node.camera.tiff_parts import find_fault
from edge_node.errors import UnreadablePictureError
from tests.support.tiff_files import tiff

PICTURE = np.random.default_rng(1).integers(40, 200, (96, 64, 3), dtype=np.uint8)
COMPRESSIONS = {"none": 1, "lzw": 5, "jpeg": 7, "deflate": 8, "packbits": 32773}


def in_strips(compression: str) -> bytes:
    """The picture in strips of eight lines."""
    options = [cv2.IMWRITE_TIFF_COMPRESSION, COMPRESSIONS[compression], cv2.IMWRITE_TIFF_ROWSPERSTRIP, 8]
    return cv2.imencode(".tif", PICTURE, options)[1].tobytes()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_whole_strips_are_decoded(compression):
    """A TIFF in strips is read, in each compression that decoders know."""
    content = in_strips(compression)
    page = next(iter_directories(content))
    assert find_fault(content, page) is None
    assert len(places_of_parts(content, page)) > 1 or compression == "jpeg"
    assert decode_picture(content, "a").shape == PICTURE.shape


@pytest.mark.parametrize("compression", ["lzw", "jpeg", "deflate", "packbits"])
def test_a_lost_strip_is_told(compression):
    """Where a disk lost a block, a strip cannot be decoded: the picture is refused, not shown black there."""
    content = bytearray(in_strips(compression))
    places = places_of_parts(bytes(content), next(iter_directories(bytes(content))))
    start, length = places[len(places) // 2]
    content[start : start + length] = bytes(length)
    with pytest.raises(UnreadablePictureError, match=r"a: the TIFF is damaged: part \d+ of \d+ cannot be"):
        decode_picture(bytes(content), "a")


def test_a_missing_strip_is_told():
    """A file whose list of pages stands at its beginning may lack the last strips."""
    (page,) = list_pages(tiff(PICTURE, tags={279: 2 * PICTURE.nbytes}), "a")
    with pytest.raises(UnreadablePictureError, match="a: the TIFF is cut off: part 1 of 1 ends behind"):
        page.decode()


@pytest.mark.parametrize("compression", [6, 34712, 50000, 50001, 50002])
def test_an_unknown_compression_is_refused(compression):
    """JPEG 2000, JPEG XL and others inside a TIFF, which decoders give as a black picture."""
    (page,) = list_pages(tiff(PICTURE, tags={259: compression}), "a")
    with pytest.raises(UnreadablePictureError, match=f"a: a TIFF of compression {compression} is not read"):
        page.decode()
