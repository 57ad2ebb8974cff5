"""PNG files as people upload them, and others that are none."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np


def png(width: int = 200, height: int = 100, channels: int = 3) -> bytes:
    """Return a PNG of a white page with a black line across."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    picture = np.full(shape, 255, np.uint8)
    cv2.line(picture, (0, height // 2), (width, height // 2), (0,) * channels, 3)
    return cv2.imencode(".png", picture)[1].tobytes()


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def made_png(
    width: int,
    height: int,
    packed: bytes,
    *before: bytes,
    colour: int = 0,
    depth: int = 8,
    interlace: int = 0,
) -> bytes:
    """Return a PNG whose head may promise what its picture does not hold."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(before) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
