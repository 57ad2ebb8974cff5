"""Split a file of JPEGs into its pictures: ``.mjpeg`` as cameras write it, or a saved MJPEG stream.

FFmpeg completes a truncated JPEG with grey, which a model would call clean metal, gives up some of the whole
ones behind a damaged one, and scales every picture to the size of the first.

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

from edge_node.camera.picture import decode_picture
from edge_node.errors import CameraError, UnreadablePictureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

FPS = 25.0  # JPEGs carry no time; FFmpeg assumes the same
_START = b"\xff\xd8\xff"
_START_OF_IMAGE, _END_OF_IMAGE = 0xD8, 0xD9
_APPLICATIONS = range(0xE0, 0xF0)
# Not those without a length: a stuffed or a fill byte, TEM, RSTn.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")


def is_motion_jpeg(path: Path) -> bool:
    """Tell whether a video begins with a JPEG or with the boundary of a saved stream."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as err:
        raise CameraError(f"{path}: {err.strerror or err}") from err
    return head.startswith(_START) or head.lstrip().startswith(b"--")


def iter_motion_jpeg(path: Path) -> Iterator[NDArray[np.uint8] | None]:
    """Yield each picture in order, or None for one that is truncated or cannot be decoded.

    Raises:
        CameraError: the file cannot be read.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.find(_START)
            while at >= 0:
                end = _find_end(content, at)
                yield None if end is None else _decode(content[at:end])
                at = content.find(_START, at + 2 if end is None else end)
    except (OSError, ValueError, OverflowError) as err:  # a 32-bit system cannot map 2 GB
        raise CameraError(f"{path}: cannot be read ({err})") from err


def _decode(content: bytes) -> NDArray[np.uint8] | None:
    try:
        return decode_picture(content, "picture")
    except UnreadablePictureError:
        return None


def _find_end(content: mmap.mmap, at: int) -> int | None:
    """Return the position behind the JPEG's end marker; None if the file or the next JPEG comes first.

    A segment is skipped by its length: the thumbnail in one of an application has an end marker of its own.
    """
    at += 2
    while (marker := _MARKER.search(content, at)) is not None:
        at, code = marker.end(), marker[1][0]
        if code == _END_OF_IMAGE:
            return at
        if code == _START_OF_IMAGE:
            return None
        start, at = at, at + int.from_bytes(content[at : at + 2], "big")
        if code not in _APPLICATIONS and content.find(_START, start, at) >= 0:
            return None
    return None
