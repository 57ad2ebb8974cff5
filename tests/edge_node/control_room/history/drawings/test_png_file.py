"""What is taken as a drawing: a PNG that is whole and bounded, and nothing of it but the picture."""

import zlib

import cv2
import numpy as np
import pytest

from edge_node.control_room.history.drawings.placement import DrawingError
from edge_node.control_room.history.drawings.png_file import MAX_FILE_BYTES, read_png
from tests.support.drawings import chunk, made_png, png

ROW = zlib.compress(b"\0" + bytes(8))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_png_keeps_its_pixels(channels):
    """Grey, coloured and transparent drawings come out with the same pixels and their size."""
    content = png(300, 80, channels)
    found = read_png(content)
    assert (found.width_px, found.height_px) == (300, 80)
    before, after = (
        cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_UNCHANGED) for one in (content, found.content)
    )
    assert np.array_equal(before, after)


def test_what_is_no_picture_is_left_out():
    """Texts, profiles, animations and a page behind the end do not come into the room."""
    evil = b"<script>alert(1)</script>"
    extra = (chunk(b"tEXt", b"Comment\0" + evil), chunk(b"acTL", bytes(8)), chunk(b"iCCP", b"x\0\0" + ROW))
    found = read_png(made_png(8, 1, ROW + evil, *extra, chunk(b"pHYs", bytes(9))) + b"<html>" + evil)
    assert evil not in found.content
    assert [name for name in (b"tEXt", b"acTL", b"iCCP", b"pHYs") if name in found.content] == [b"pHYs"]
    assert read_png(found.content) == found


def test_interlaced_and_palette_pictures_are_taken():
    """The size of an interlaced picture is that of its seven passes; a palette is kept."""
    passes = [(1, 1), (1, 1), (2, 1), (1, 2), (3, 1)]  # of 3 by 3 px; two of the seven have none
    rows = zlib.compress(b"".join(b"\0" + bytes(width) for width, height in passes for _ in range(height)))
    assert read_png(made_png(3, 3, rows, interlace=1)).width_px == 3
    with pytest.raises(DrawingError, match="does not have the size"):
        read_png(made_png(3, 3, rows))
    palette = chunk(b"PLTE", bytes(6))
    assert palette in read_png(made_png(8, 1, ROW, palette, colour=3)).content
    with pytest.raises(DrawingError, match="no palette"):
        read_png(made_png(8, 1, ROW, colour=3))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b'<?xml version="1.0"?><svg/>', "an SVG"),
        (b"\xef\xbb\xbf  <!DOCTYPE html><html/>", "a page"),
        (b"\xff\xd8\xff\xe0JFIF", "a JPEG"),
        (b"%PDF-1.7", "a PDF"),
        (b"hello", "no PNG"),
        (b"\x89PNG\r\n\x1a\n", "ends too early"),
        (png()[:-20], "ends too early"),
        (png().replace(b"IDAT", b"IDAX"), "checksum"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "does not begin with its size"),
        (made_png(0, 5, ROW), "0 by 5 px"),
        (made_png(20_000, 5, ROW), "20000 by 5 px"),
        (made_png(16_000, 16_000, ROW), "at most 20 million"),
        (made_png(8, 1, ROW, depth=3), "no kind of picture"),
        (made_png(8, 1, ROW, chunk(b"EVIL", b"")), "no viewer knows"),
        (made_png(8, 1, ROW, chunk(b"PLTE", bytes(4)), colour=3), "no palette"),
        (made_png(8, 1, ROW, chunk(b"PLTE", b""), colour=3), "no palette"),
        (made_png(8, 2, zlib.compress(bytes(9) + b"\5" + bytes(8))), "in no known way"),
        (made_png(1, 9, zlib.compress(bytes(8) + b"\5" + bytes(9)), interlace=1), "in no known way"),
        (made_png(9, 1, ROW), "does not have the size"),
        (made_png(8, 1, b"no zlib"), "does not have the size"),
        (made_png(100, 100, zlib.compress(bytes(200_000_000))), "does not have the size"),
        (b"\x89PNG\r\n\x1a\n" + bytes(MAX_FILE_BYTES), "more than 16 MB"),
    ],
)
def test_what_is_no_drawing_is_refused_in_one_sentence(content, said):
    """Other files, damaged ones, and those that unpack to more than they name are refused with the reason."""
    with pytest.raises(DrawingError, match=said) as refused:
        read_png(content)
    assert "\n" not in str(refused.value)
