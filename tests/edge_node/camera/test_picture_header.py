"""What headers say of the values, in each format, up to the picture that comes out."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from edge_node.camera.picture import decode_picture
from edge_node.errors import UnreadablePictureError
from tests.support.encoded_pictures import encoded
from tests.support.tiff_files import tiff

BITS_PER_SAMPLE, MAX_SAMPLE_VALUE, PLANAR, EXTRA_SAMPLES = 258, 281, 284, 338
WHITE_IS_ZERO = 0


def scene() -> np.ndarray:
    """A picture whose brightest value is 255, blue first, 16 bits wide."""
    small = np.random.default_rng(6).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = np.maximum(cv2.resize(small, (64, 48)), 3).astype(np.uint16)
    picture[0, 0] = 255
    return picture


SCENE = scene()
RGB, GREY = SCENE[..., ::-1], SCENE[..., 1]


def with_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    """Return a PNG with a chunk behind its header."""
    chunk = name + content
    return (
        png[:33] + struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    )


def pnm(values: np.ndarray, maxval: int) -> bytes:
    """Return a PGM or PPM, with a comment in its header."""
    form = ">u2" if maxval > 255 else np.uint8
    kind = 6 if values.ndim == 3 else 5
    header = f"P{kind}\n# by a camera\n{values.shape[1]} {values.shape[0]}\n{maxval}\n"
    return header.encode() + values.astype(form).tobytes()


@pytest.mark.parametrize(
    "content",
    [
        tiff(RGB * 257),
        tiff(RGB * 256, order=">"),
        tiff(RGB * 4, tags={MAX_SAMPLE_VALUE: [1023, 1023, 1023]}),
        tiff(RGB * 16, tags={MAX_SAMPLE_VALUE: 4095}, order=">"),
        tiff(RGB * 64, tags={MAX_SAMPLE_VALUE: 16383}),
        with_chunk(encoded(SCENE * 4 + 1, ".png"), b"sBIT", b"\x0a\x0a\x0a"),
        with_chunk(encoded(SCENE * 16 + 1, ".png"), b"sBIT", b"\x0c\x0c\x0c"),
        with_chunk(encoded(SCENE * 257, ".png"), b"sBIT", b"\x10\x10\x10"),
        encoded(SCENE * 257, ".png"),
        pnm(RGB * 257, 65535),
        pnm(RGB * 4, 1023),
        pnm(RGB * 16, 4095),
        pnm(RGB * 100 // 255, 100),
        pnm(RGB, 255),
    ],
)
def test_a_picture_is_the_same_in_any_number_of_bits(content):
    """TIFF, PNG and PNM that say what their white is give the picture of 8 bits, to a level or two."""
    assert np.abs(decode_picture(content, "a").astype(int) - SCENE).max() <= 3


@pytest.mark.parametrize(
    "content",
    [
        tiff(65535 - GREY * 257, photometric=WHITE_IS_ZERO),
        tiff((255 - GREY).astype(np.uint8), photometric=WHITE_IS_ZERO),
        tiff((255 - GREY) * 16, photometric=WHITE_IS_ZERO, tags={MAX_SAMPLE_VALUE: 4095}),
        tiff(GREY * 16, tags={MAX_SAMPLE_VALUE: 4095}),
        pnm(GREY * 16, 4095),
    ],
)
def test_grey_pictures_have_three_equal_channels_the_right_way_up(content):
    """White is white, also where the file counts it as 0."""
    found = decode_picture(content, "a").astype(int)
    assert np.abs(found - GREY[..., np.newaxis].astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tiff(RGB * 16), "the largest 4080 of 65535"),
        (tiff(RGB * 16, tags={MAX_SAMPLE_VALUE: 4080}), "the largest 4080 of 65535"),  # a statistic
        (encoded(SCENE * 4, ".png"), "the largest 1020 of 65535"),
        (encoded(GREY * 16, ".png"), "12-bit values in 16 bits"),
        (pnm(RGB * 16, 65535), "the largest 4080 of 65535"),
        (tiff(RGB.astype(np.float32) / 255), "floating-point values of 32 bits"),
        (tiff(RGB.astype(np.float16)), "floating-point values of 16 bits"),
        (tiff((RGB * 100).astype(np.int16)), "signed values of 16 bits"),
        (tiff(RGB.astype(np.uint32) * 65793), "32 bits"),
        (tiff(RGB * 257, tags={PLANAR: 2}), "colour planes"),
        (tiff(RGB * 257, tags={50706: [1, 4, 0, 0]}), "raw picture"),
        (tiff(GREY * 257, photometric=32803), "raw picture"),
        (tiff(RGB.astype(np.uint8), photometric=8), "of kind 8"),
        (tiff(np.dstack([GREY, GREY])), "2 values a pixel"),
        (pnm(RGB, 255) + pnm(RGB, 255), "several pictures in one file"),
        (pnm(GREY * 16, 4095) + b"\n" + pnm(GREY, 255), "several pictures in one file"),
        (pnm(RGB, 0), "largest value is said to be 0"),
    ],
)
def test_values_without_a_known_full_scale_are_refused(content, said):
    """Nothing is guessed: the sentence says what was found and what to do."""
    with pytest.raises(UnreadablePictureError) as caught:
        decode_picture(content, "a")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["png", "tiff", "webp"])
def test_transparent_pictures_are_refused(kind, bits):
    """Nobody knows what was to be seen behind transparent pixels; opaque ones change nothing."""
    dtype, opaque = (np.uint8, 255) if bits == 8 else (np.uint16, 65535)
    if kind == "webp" and bits == 16:
        pytest.skip("WebP has 8 bits")
    colours = (SCENE * (opaque // 255)).astype(dtype)
    for share, is_read in ((0.0, True), (0.005, True), (0.3, False)):
        alpha = np.full(GREY.shape, opaque, dtype)
        alpha.reshape(-1)[: int(share * alpha.size)] = opaque // 2
        bgra = np.dstack([colours, alpha])
        content = {
            "png": lambda picture=bgra: encoded(picture, ".png"),
            "tiff": lambda picture=bgra: tiff(picture[..., [2, 1, 0, 3]], tags={EXTRA_SAMPLES: 2}),
            "webp": lambda picture=bgra: cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 101])[
                1
            ].tobytes(),
        }[kind]()
        if is_read:
            found = decode_picture(content, "a").astype(int)
            assert np.abs(found - SCENE)[alpha == opaque].max() <= 1
        else:
            with pytest.raises(UnreadablePictureError, match="30% of the picture is transparent"):
                decode_picture(content, "a")


def test_jpeg_2000_is_scaled_by_its_precision():
    """Its header says how many bits it has; 16 bits that are not used are refused as everywhere."""
    full = cv2.imencode(".jp2", SCENE * 257, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()
    low = cv2.imencode(".jp2", SCENE * 16, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()
    assert np.abs(decode_picture(full, "a").astype(int) - SCENE).max() <= 2
    with pytest.raises(UnreadablePictureError, match="12-bit values in 16 bits"):
        decode_picture(low, "a")
