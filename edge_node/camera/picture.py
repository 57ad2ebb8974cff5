"""Read picture files, and refuse truncated ones.

OpenCV decodes a truncated JPEG into a picture with grey in its lower part, without an error; a model would
call that grey clean metal. So the file's end marker is searched first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.picture_size import read_declared_size
from edge_node.errors import UnreadablePictureError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
MAX_FILE_BYTES = 256 * 1024 * 1024
# The largest industrial sensors have 150 megapixels; this one decodes to 600 MB.
MAX_PIXELS = 200_000_000

_JPEG_START, _JPEG_END = b"\xff\xd8\xff", 0xD9
_JPEG_SCAN = 0xDA
_JPEG_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length: TEM, RSTn, SOI
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn: holds height and width
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return the picture in ``path``, uint8 ``(height, width, 3)``, channels blue, green, red.

    Raises:
        UnreadablePictureError: missing, empty, truncated, no picture, or too large.
    """
    content = _read_content(path)
    return decode_picture(content, str(path))


def decode_picture(content: bytes, where: str) -> NDArray[np.uint8]:
    """Return the picture in ``content``, uint8 ``(height, width, 3)``, channels blue, green, red.

    Raises:
        UnreadablePictureError: empty, truncated, no picture, or too large; the text begins with ``where``.
    """
    if not content:
        raise UnreadablePictureError(f"{where}: empty, wanted a picture")
    if content.startswith(_JPEG_START):
        _check_jpeg(content, where)
    elif content.startswith(_PNG_START):
        _check_png(content, where)
    elif size := read_declared_size(content):
        _check_size(*size, where)
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as err:
        raise UnreadablePictureError(f"{where}: no picture that can be decoded ({err.err})") from err
    if pixels is None:
        raise UnreadablePictureError(
            f"{where}: no picture, or a damaged one; wanted one of {' '.join(sorted(PICTURE_SUFFIXES))}"
        )
    return np.asarray(pixels, dtype=np.uint8)


def _read_content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise UnreadablePictureError(f"{path}: no file but a directory or device; wanted a picture")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as err:  # ValueError: a NUL in the name
        reason = err.strerror if isinstance(err, OSError) and err.strerror else err
        raise UnreadablePictureError(f"{path}: {reason}") from err
    if len(content) > MAX_FILE_BYTES:
        raise UnreadablePictureError(f"{path}: more than {MAX_FILE_BYTES} bytes is no picture to inspect")
    return content


def _check_size(width: int, height: int, where: str) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadablePictureError(
            f"{where}: {width} x {height} pixels, at most {MAX_PIXELS // 1_000_000} million are read"
        )


def _check_png(content: bytes, where: str) -> None:
    if _PNG_END not in content:
        raise UnreadablePictureError(f"{where}: the PNG is cut off: it has no end chunk; copy it again")
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    _check_size(width, height, where)


def _check_jpeg(content: bytes, where: str) -> None:
    """Raise unless walking the segments reaches the end marker; a thumbnail's lies inside a segment.

    Source: ITU-T T.81, annex B.
    """
    cut_off = UnreadablePictureError(f"{where}: the JPEG is cut off: it has no end marker; copy it again")
    at = 2
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise cut_off
        marker = content[at + 1]
        if marker == _JPEG_END:
            return
        if marker in {0x00, 0xFF} or marker in _JPEG_STANDALONE:  # stuffed byte, fill byte, no length
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAMES and at + 9 <= len(content):
            height, width = (int.from_bytes(content[at + k : at + k + 2], "big") for k in (5, 7))
            _check_size(width, height, where)
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if at > len(content):
            raise cut_off
