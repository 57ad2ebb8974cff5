"""Formats that are not read are named by their content, with what to do instead."""

from __future__ import annotations

import cv2
import pytest

from edge_node.camera.picture import decode_picture
from edge_node.camera.refused_formats import refusal_of
from edge_node.errors import UnreadablePictureError
from tests.support.encoded_pictures import encoded


def brands(major: bytes, *compatible: bytes) -> bytes:
    """Return the beginning of an ISO container."""
    content = b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible)
    return (len(content) + 4).to_bytes(4, "big") + content + bytes(64)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (brands(b"heic", b"mif1", b"heic"), "HEIC is not read; convert it"),
        (brands(b"mif1", b"heic"), "HEIC is not read"),
        (brands(b"msf1", b"hevc"), "HEIC is not read"),
        (brands(b"avis", b"avif"), "an animation"),
        (brands(b"crx "), "raw picture"),
        (b"II*\0\x10\0\0\0CR\x02\0", "raw picture"),
        (b"FUJIFILMCCD-RAW 0201", "raw picture"),
        (b"IIU\0" + bytes(20), "raw picture"),
        (b"\x76\x2f\x31\x01" + bytes(20), "OpenEXR"),
        (b"#?RADIANCE\nFORMAT", "Radiance HDR"),
        (b"P7\nWIDTH 4\n", "red and blue"),
        (b"PF\n4 4\n-1.0\n", "PFM"),
        (b"\0\0\0\x0cJXL \r\n", "JPEG XL"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0\x02" + bytes(9), "an animation"),
        (b"\x89PNG\r\n\x1a\n" + bytes(25) + b"\0\0\0\x08acTL" + bytes(20) + b"IDAT", "an animation"),
        (b"GIF89a" + bytes(20) + b"NETSCAPE2.0" + bytes(20), "an animation"),
    ],
)
def test_a_format_that_is_not_read_is_named(content, said):
    """One sentence that begins with the file and says what it is."""
    assert said in refusal_of(content)
    with pytest.raises(UnreadablePictureError, match=r"^x: ") as caught:
        decode_picture(content, "x")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".ppm", ".jp2"])
def test_ordinary_pictures_are_not_refused(pixels, suffix):
    """What OpenCV writes in the usual formats is read."""
    assert refusal_of(encoded(pixels, suffix)) is None


def test_avif_is_read_whole(pixels):
    """Where OpenCV has AVIF, a still picture is decoded, also from a container that names HEIC's family."""
    if not cv2.haveImageWriter("a.avif"):
        pytest.skip("this OpenCV has no AVIF")
    assert decode_picture(encoded(pixels, ".avif"), "a").shape == pixels.shape
