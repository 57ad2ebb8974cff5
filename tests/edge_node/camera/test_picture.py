"""Pictures are read whole or refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.camera.picture import decode_picture, list_pages, read_picture
from edge_node.errors import UnreadablePictureError
from tests.support.encoded_pictures import encoded
from tests.support.tiff_files import tiff

SMALL = np.random.default_rng(1).integers(0, 256, (40, 48, 3), dtype=np.uint8)
WHOLE = [encoded(SMALL, suffix) for suffix in (".png", ".tif", ".webp", ".bmp", ".ppm", ".jp2", ".jpg")]
WHOLE += [tiff(SMALL, SMALL.astype(np.uint16) * 257), encoded(SMALL.astype(np.uint16) * 257, ".png")]


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


@pytest.mark.parametrize("suffix", [".bmp", ".ppm", ".tif", ".webp", ".jp2"])
def test_a_picture_whose_tail_is_zeros_is_refused(pixels, suffix):
    """When the power fails, a file system leaves the length of a file and zeros for what was not written."""
    content = encoded(pixels, suffix)
    kept = len(content) // 2
    with pytest.raises(UnreadablePictureError, match=r"^a: from byte [\d,]+ of [\d,]+ on|^a: the TIFF is"):
        decode_picture(content[:kept] + bytes(len(content) - kept), "a")


@pytest.mark.parametrize("suffix", [".bmp", ".ppm", ".tif", ".webp", ".jp2"])
def test_a_picture_with_a_black_edge_is_read(suffix):
    """A lens that leaves an edge dark, or a frame around the picture, is no missing end."""
    pixels = np.full((120, 161, 3), 90, np.uint8)
    pixels[:15] = pixels[-15:] = 0
    assert decode_picture(encoded(pixels, suffix), "a").shape == pixels.shape


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


STARTS = [
    b"\x89PNG\r\n\x1a\n",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"RIFF\0\0\0\0WEBPVP8X",
    b"\xff\xd8\xff",
]
STARTS += [
    b"P6 4 4 1023\n",
    b"P7\nMAXVAL 9\n",
    b"\xff\x4f\xff\x51",
    b"GIF89a",
    b"BM",
    b"\0\0\0\x18ftypavif",
    b"",
]


@given(
    st.sampled_from(STARTS), st.binary(max_size=120), st.sampled_from([b"", b"IEND\xaeB`\x82", b"\xff\xd9"])
)
def test_no_damage_ends_in_anything_but_a_sentence(start, rest, end):
    """Whatever a file holds, it is a picture or refused in one line that begins with its name."""
    try:
        found = decode_picture(start + rest + end, "a")
    except UnreadablePictureError as err:
        assert str(err).startswith("a: ")  # noqa: PT017  both ends are right
    else:
        assert found.dtype == np.uint8


@settings(max_examples=60)
@given(st.data())
def test_no_damage_of_a_whole_file_ends_in_anything_but_a_sentence(data):
    """A few bytes of a real file changed: a picture, or a refusal in one line."""
    content = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 400) - 1))] = data.draw(st.integers(0, 255))
    try:
        pages = list_pages(bytes(content), "a")
        assert all(page.decode().ndim == 3 for page in pages)
    except UnreadablePictureError as err:
        assert str(err).startswith("a")  # noqa: PT017  both ends are right
        assert "\n" not in str(err)  # noqa: PT017  the same
