"""The logo of reports: what may be one, and what is said of others."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest

from edge_node.control_room.logo import read_logo
from edge_node.control_room.settings import build_settings
from edge_node.errors import ConfigError

PIXELS = np.full((40, 120, 3), 90, np.uint8)


def _bomb() -> bytes:
    """A PNG of a few bytes that says that it is 60,000 pixels wide."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_png_and_jpeg_are_logos(tmp_path, ending):
    """The bytes as they are."""
    content = cv2.imencode(ending, PIXELS)[1].tobytes()
    (tmp_path / "logo").write_bytes(content)
    assert read_logo(tmp_path / "logo") == content


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "wanted a PNG or JPEG file"),
        (b"GIF89a", "wanted a PNG or JPEG file"),
        (b"", "wanted a PNG or JPEG file"),
        (b"\xff\xd8\xff" + b"0" * 2_000_000, "more than 1 MB"),
        (cv2.imencode(".png", PIXELS)[1].tobytes()[:80], "this PNG file is damaged"),
        (cv2.imencode(".jpg", PIXELS)[1].tobytes()[:300], "this JPEG file is damaged"),
        (cv2.imencode(".png", np.zeros((3, 4001), np.uint8))[1].tobytes(), "4001 pixels"),
        (_bomb(), "damaged|60000 pixels"),
    ],
)
def test_anything_else_is_refused_before_anything_starts(tmp_path, content, problem):
    """In one sentence that names the section, the key and the file."""
    path = tmp_path / "logo.png"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        read_logo(path)
    with pytest.raises(ConfigError, match=rf"^\[report\] logo = .*logo\.png: .*({problem})"):
        build_settings({"hostname": "broker"}, report={"logo": str(path)})


def test_a_logo_that_is_not_there_is_named(tmp_path):
    """Nor is a folder one."""
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            read_logo(path)


def test_a_logo_of_other_colours_is_printed_as_screens_show_it(tmp_path):
    """CMYK came out inverted, 16 bits as nothing, and a turned photograph lay on its side."""
    image = pytest.importorskip("PIL.Image")
    orange, turned = image.new("CMYK", (40, 20), (0, 128, 255, 0)), image.new("RGB", (40, 20), "red")
    exif = image.Exif()
    exif[274] = 6
    grey = image.fromarray(np.full((20, 40), 0x8000, np.uint16))
    for logo, kind, size, pixel in (
        (orange, "JPEG", (40, 20), (255, 127, 0)),
        (grey, "PNG", (40, 20), (128, 128, 128)),
        (turned, "JPEG", (20, 40), (254, 0, 0)),
    ):
        logo.save(tmp_path / "logo", kind, **({"exif": exif} if logo is turned else {}))
        with image.open(io.BytesIO(read_logo(tmp_path / "logo"))) as read:
            assert (read.mode, read.size) == ("RGB", size)
            assert np.abs(np.subtract(read.getpixel((9, 9)), pixel)).max() <= 2
