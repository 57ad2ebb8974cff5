"""The size that a picture's header declares."""

from __future__ import annotations

import struct

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.camera.picture import decode_picture
from edge_node.camera.picture_size import read_declared_size
from edge_node.errors import UnreadablePictureError
from tests.support.encoded_pictures import encoded


def tiff(width, height, *, big=False, order="<"):
    """Return the header of a TIFF that declares a size; nothing follows."""
    magic = {"<": b"II", ">": b"MM"}[order]
    if big:
        entries = b"".join(
            struct.pack(order + "HHQQ", tag, 16, 1, n) for tag, n in ((256, width), (257, height))
        )
        return magic + struct.pack(order + "HHHQQ", 43, 8, 0, 16, 2) + entries + bytes(8)
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, n) for tag, n in ((256, width), (257, height)))
    return magic + struct.pack(order + "HIH", 42, 8, 2) + entries + bytes(4)


def webp(kind, rest):
    """Return the beginning of a WebP file."""
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + rest


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (tiff(30000, 20000), (30000, 20000)),
        (tiff(30000, 20000, order=">"), (30000, 20000)),
        (tiff(30000, 20000, big=True), (30000, 20000)),
        (tiff(30000, 20000, big=True, order=">"), (30000, 20000)),
        (webp(b"VP8 ", b"\0" * 6 + struct.pack("<HH", 16383, 16383)), (16383, 16383)),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 16382 | 16382 << 14)), (16383, 16383)),
        (webp(b"VP8X", b"\0" * 4 + b"\xfe\x3f\x00" * 2), (16383, 16383)),
        (b"GIF89a" + struct.pack("<HH", 60000, 50000), (60000, 50000)),
        (b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x14ispe" + struct.pack(">III", 0, 30000, 20000), (30000, 20000)),
        (b"\xff\x4f\xff\x51\0\x29\0\0" + struct.pack(">IIII", 30010, 20010, 10, 10), (30000, 20000)),
        (b"BM" + b"\0" * 16 + struct.pack("<ii", 30000, -20000), (30000, 20000)),
    ],
)
def test_an_absurd_size_is_refused_before_anything_is_decoded(content, size):
    """A file of a few bytes that declares gigabytes is refused by its header, in every format."""
    assert read_declared_size(content) == size
    with pytest.raises(UnreadablePictureError, match=f"a: {size[0]} x {size[1]} pixels, at most"):
        decode_picture(content, "a")


@pytest.mark.parametrize("suffix", [".bmp", ".tif", ".webp", ".jp2"])
def test_the_declared_size_is_that_of_the_picture(pixels, suffix):
    """What OpenCV writes is 96 x 64 by its header too, lossy and lossless."""
    assert read_declared_size(encoded(pixels, suffix)) == (96, 64)
    lossless = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    assert read_declared_size(lossless) == (96, 64)


@given(st.sampled_from([b"II*\0", b"MM\0+", b"RIFFxxxxWEBPVP8X", b"BM", b""]), st.binary(max_size=64))
def test_no_header_breaks_the_reader(start, rest):
    """Whatever follows a known beginning, there is a size or none."""
    found = read_declared_size(start + rest)
    assert found is None or min(found) >= 0
