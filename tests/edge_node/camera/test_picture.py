"""Pictures are read whole or refused."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.camera.picture import decode_picture, read_picture
from edge_node.camera.picture_size import read_declared_size
from edge_node.errors import UnreadablePictureError


@pytest.fixture(scope="module")
def pixels():
    """Return a picture of smooth noise, 64 x 96."""
    noise = np.random.default_rng(5).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def encoded(pixels, suffix):
    """Return the bytes of a file of this format."""
    return cv2.imencode(suffix, pixels)[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".jpg", ".webp"])
def test_a_whole_picture_is_read(tmp_path, pixels, suffix):
    """Every listed format is read back: exactly where it is lossless, closely where it is not."""
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encoded(pixels, suffix))
    found = read_picture(path).astype(int)
    difference = np.abs(found - pixels.astype(int)).mean()
    assert difference == 0 if suffix in {".png", ".bmp", ".tif"} else difference < 12


def test_a_grey_picture_has_three_channels(tmp_path, pixels):
    """Grey files become three equal channels, as every model wants three."""
    path = tmp_path / "grey.png"
    path.write_bytes(encoded(pixels[..., 0], ".png"))
    found = read_picture(path)
    assert found.shape == (64, 96, 3)
    assert np.array_equal(found[..., 0], found[..., 2])


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_cut_off_picture_is_refused(pixels, suffix, share):
    """No prefix of a file is taken for a picture, though OpenCV would fill the rest of a JPEG with grey."""
    content = encoded(pixels, suffix)
    with pytest.raises(UnreadablePictureError) as caught:
        decode_picture(content[: int(len(content) * share)], "a")
    assert str(caught.value).startswith("a: ")
    assert "\n" not in str(caught.value)


def test_a_jpeg_whose_tail_is_zeros_is_refused(pixels):
    """A file that kept its length through a power cut, but not its content, is refused too."""
    content = encoded(pixels, ".jpg")
    half = len(content) // 2
    with pytest.raises(UnreadablePictureError, match="cut off"):
        decode_picture(content[:half] + bytes(len(content) - half), "a")


def test_a_thumbnails_end_marker_is_not_the_pictures(pixels):
    """A cut-off JPEG with a whole thumbnail inside its header is still cut off; whole, it is read."""
    content, thumbnail = encoded(pixels, ".jpg"), encoded(pixels[:8, :8], ".jpg")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    with_thumbnail = content[:2] + segment + content[2:]
    assert decode_picture(with_thumbnail, "a").shape == (64, 96, 3)
    with pytest.raises(UnreadablePictureError, match="cut off"):
        decode_picture(with_thumbnail[: len(segment) + len(content) // 2], "a")


def test_a_progressive_jpeg_with_bytes_behind_it_is_read(pixels):
    """Several scans, and what phones append behind the end marker, are no reason to refuse."""
    content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert decode_picture(content + b"appended by a phone", "a").shape == (64, 96, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"PK\x03\x04 a zip archive", "no picture"), (b"\xff\xd8\xff", "cut off")],
)
def test_what_is_no_picture_is_refused(tmp_path, content, words):
    """Empty files and files of another kind say what they are."""
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadablePictureError, match=words):
        read_picture(path)


def test_a_missing_picture_and_a_folder_are_refused(tmp_path):
    """The message names the path and the system's reason."""
    with pytest.raises(UnreadablePictureError, match=r"none\.jpg: No such file"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(UnreadablePictureError, match="directory"):
        read_picture(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_absurdly_large_picture_is_refused_before_it_is_decoded(pixels, suffix):
    """A header that claims 60000 x 60000 pixels costs no memory."""
    content = bytearray(encoded(pixels, suffix))
    size = (60000).to_bytes(4 if suffix == ".png" else 2, "big")
    at = 16 if suffix == ".png" else content.index(b"\xff\xc0") + 5
    content[at : at + 2 * len(size)] = size * 2
    with pytest.raises(UnreadablePictureError, match="60000 x 60000"):
        decode_picture(bytes(content), "a")


def tiff(width, height, *, big=False, order="<"):
    """Return the header of a TIFF that declares a size; nothing follows."""
    magic = {"<": b"II", ">": b"MM"}[order]
    if big:
        entries = b"".join(
            struct.pack(order + "HHQQ", tag, 16, 1, n) for tag, n in ((256, width), (257, height))
        )
        return magic + struct.pack(order + "HHHQQ", 43, 8, 0, 16, 2) + entries
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, n) for tag, n in ((256, width), (257, height)))
    return magic + struct.pack(order + "HIH", 42, 8, 2) + entries


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
        (b"BM" + b"\0" * 16 + struct.pack("<ii", 30000, -20000), (30000, 20000)),
    ],
)
def test_an_absurd_size_is_refused_before_anything_is_decoded(content, size):
    """A file of a few bytes that declares gigabytes is refused by its header, in every format."""
    assert read_declared_size(content) == size
    with pytest.raises(UnreadablePictureError, match=f"a: {size[0]} x {size[1]} pixels, at most"):
        decode_picture(content, "a")


@pytest.mark.parametrize("suffix", [".bmp", ".tif", ".webp"])
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
