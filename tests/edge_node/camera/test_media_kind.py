"""Files are pictures or videos by their content, whatever their names say."""

import subprocess

import cv2
import numpy as np
import pytest

from edge_node.camera.media_kind import MediaKind, is_media, media_kind
from tests.support.mjpeg_server import moving_picture


def kind_of(folder, content):
    """Return the kind of a file that holds ``content`` and whose name says nothing."""
    path = folder / "file"
    path.write_bytes(content)
    assert is_media(path) is (media_kind(path) is not MediaKind.OTHER)
    return media_kind(path)


def jpeg(size=(64, 48), count=0):
    """Return a JPEG."""
    return cv2.imencode(".jpg", moving_picture(size, count))[1].tobytes()


def with_segment(content, marker, payload):
    """Return a JPEG with one more segment behind its start."""
    return content[:2] + bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload + content[2:]


def brand(*brands):
    """Return the first box of an ISO file."""
    return (
        (16 + 4 * len(brands[1:])).to_bytes(4, "big") + b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif", ".ppm", ".jp2", ".hdr"])
def test_still_pictures_are_pictures(tmp_path, suffix):
    """Every format that OpenCV writes is a picture by its first bytes."""
    picture = np.zeros((64, 64, 3), np.float32 if suffix == ".hdr" else np.uint8)
    assert kind_of(tmp_path, cv2.imencode(suffix, picture)[1].tobytes()) is MediaKind.PICTURE


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (brand(b"heic", b"mif1", b"heic"), MediaKind.PICTURE),
        (brand(b"mif1", b"heix"), MediaKind.PICTURE),
        (brand(b"avif", b"avif"), MediaKind.PICTURE),
        (brand(b"avis", b"msf1"), MediaKind.PICTURE),
        (brand(b"crx "), MediaKind.PICTURE),
        (brand(b"isom", b"iso2", b"mp41"), MediaKind.VIDEO),
        (brand(b"qt  "), MediaKind.VIDEO),
        (brand(b"mp42", b"isom", b"mif1"), MediaKind.VIDEO),
        (brand(b"MiHE", b"mif1", b"heic"), MediaKind.PICTURE),
        (brand(b"3gp4"), MediaKind.VIDEO),
        (brand(b"M4A ", b"isom"), MediaKind.OTHER),
        (b"\0\0\0\x08wide\0\0\0\x08mdat", MediaKind.VIDEO),
        (b"\0\0\1\0\1\0\x10\x10", MediaKind.OTHER),  # an icon
        (b"\0\0\1\xba\x44", MediaKind.VIDEO),
        (b"\0\0\0\1\x67\x64", MediaKind.VIDEO),
        (b"\0\0\0\1\x40\1", MediaKind.VIDEO),
        (b"RIFF\x24\0\0\0WAVEfmt ", MediaKind.OTHER),
        (b"OggS\0\2" + bytes(22) + b"\x80theora", MediaKind.VIDEO),
        (b"OggS\0\2" + bytes(22) + b"OpusHead", MediaKind.OTHER),
        (bytes(3) + b"\x47" + (bytes(187) + b"\x47") * 8, MediaKind.VIDEO),  # begins within a packet
        ((bytes(4) + b"\x47" + bytes(187)) * 8, MediaKind.VIDEO),  # from a card: a time before each packet
        (b"", MediaKind.OTHER),
        (b"GGGG a text that says BM and P6 and \0\0\1", MediaKind.OTHER),
        (b"The free space of the card", MediaKind.OTHER),
        (b"%PDF-1.7", MediaKind.OTHER),
        (b"age-encryption.org/v1\n\x8f\x12", MediaKind.OTHER),
        (bytes(5000), MediaKind.OTHER),
    ],
)
def test_first_bytes_tell_pictures_videos_and_others_apart(tmp_path, content, kind):
    """Telephones' photographs are no videos, sound is neither, and text, icons and zeros are nothing."""
    assert kind_of(tmp_path, content) is kind


def test_jpegs_of_one_size_behind_each_other_are_a_video(tmp_path):
    """As rpicam-vid writes them, padded or not, and as a stream is saved."""
    frames = [jpeg(count=count) for count in range(3)]
    assert kind_of(tmp_path, b"".join(frames)) is MediaKind.VIDEO
    assert kind_of(tmp_path, b"\0\0\0".join(frames)) is MediaKind.VIDEO
    assert kind_of(tmp_path, frames[0] + frames[1][:700]) is MediaKind.VIDEO
    part = b"--frame\r\nServer: x\r\nContent-Type: image/jpeg\r\n\r\n"
    assert kind_of(tmp_path, part + part.join(frames)) is MediaKind.VIDEO


def test_a_jpeg_with_something_behind_it_stays_a_picture(tmp_path):
    """Trailing bytes, a short film, a preview, a stereo pair and a map of brightness make no video."""
    first, second = jpeg(), jpeg(count=1)
    listed = with_segment(first, 0xE2, b"MPF\0II*\0")
    far = with_segment(with_segment(first, 0xE2, b"MPF\0II*\0"), 0xE1, b"Exif\0\0" + second + bytes(60_000))
    xmp = with_segment(first, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<Container:Directory>")
    thumbnail = with_segment(first, 0xE1, b"Exif\0\0" + second + second)
    for content in (
        first + b"trailing",
        first + brand(b"mp42") + bytes(100),
        first + jpeg((32, 24)),
        listed + second,
        far + second,
        xmp + second,
        thumbnail,
        first[:-700],
    ):
        assert kind_of(tmp_path, content) is MediaKind.PICTURE


@pytest.mark.parametrize("muxer", ["gif", "apng", "webp"])
def test_animated_pictures_are_videos(tmp_path, muxer):
    """Their pictures after the first would else be left out without a word."""
    path = tmp_path / "animated"
    made = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.5", "-f", muxer]
    subprocess.run(["ffmpeg", "-v", "error", *made, str(path)], check=True)
    assert media_kind(path) is MediaKind.VIDEO


def test_what_is_no_file_is_neither(tmp_path):
    """A folder, a name that is not there and one with a NUL are no error here."""
    for path in (tmp_path, tmp_path / "none", tmp_path / "a\0b"):
        assert media_kind(path) is MediaKind.OTHER
        assert not is_media(path)
