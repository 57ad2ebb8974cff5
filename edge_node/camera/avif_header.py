"""Read from an AVIF how its picture is to be turned; OpenCV does not turn it. Pure.

Source: ISO/IEC 23008-12, 6.5.10 (irot) and 6.5.12 (imir). An orientation in EXIF does not count there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER_BYTES = 65536
_ROTATION = re.compile(rb"\0\0\0\x09irot(.)", re.DOTALL)
_MIRROR = re.compile(rb"\0\0\0\x09imir(.)", re.DOTALL)


def is_avif(content: bytes) -> bool:
    """Return whether the container names AVIF among its brands."""
    end = min(int.from_bytes(content[:4], "big"), 1024)
    return content[4:8] == b"ftyp" and b"avif" in content[8:end]


def turn(pixels: NDArray[np.uint8], content: bytes) -> NDArray[np.uint8]:
    """Return the picture of an AVIF the right way up: rotated, then mirrored, as its header says."""
    header = content[:_HEADER_BYTES]
    if match := _ROTATION.search(header):
        pixels = np.rot90(pixels, match[1][0] & 3)  # quarters, anti-clockwise
    if match := _MIRROR.search(header):
        pixels = np.flip(pixels, axis=match[1][0] & 1)  # 0: top and bottom are exchanged
    return np.ascontiguousarray(pixels)
