"""Read the width and height that a picture's header declares, before decoding it. Pure.

A file of a few kilobytes may declare a picture of gigabytes.

Sources: ISO/IEC 23008-12 (AVIF), ISO/IEC 15444-1, A.5.1 (JPEG 2000), GIF89a, RFC 9649; BITMAPINFOHEADER.
"""

from __future__ import annotations

import struct

from edge_node.camera.tiff_header import HEIGHT, WIDTH, is_tiff, iter_directories

_HEADER_BYTES = 65536


def read_declared_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height in px, as the header declares; None for JPEG, PNG, PNM, damaged headers."""
    try:
        return _read_size(content)
    except (struct.error, OverflowError, ValueError, StopIteration, LookupError):  # truncated or damaged
        return None


def _read_size(content: bytes) -> tuple[int, int] | None:
    size: tuple[int, int] | None = None
    if is_tiff(content):
        first = next(iter_directories(content)).tags
        size = (first[WIDTH][0], first[HEIGHT][0])
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        size = _read_webp(content)
    elif content[:4] == b"GIF8":
        size = struct.unpack_from("<HH", content, 6)
    elif content[4:8] == b"ftyp" and (at := content[:_HEADER_BYTES].find(b"ispe")) >= 0:
        size = struct.unpack_from(">II", content, at + 8)
    elif (at := content[:1024].find(b"\xff\x4f\xff\x51")) >= 0:  # JPEG 2000
        right, lower, left, upper = struct.unpack_from(">IIII", content, at + 8)
        size = (right - left, lower - upper)
    elif content[:2] == b"BM" and len(content) >= 26:
        width, height = struct.unpack_from("<ii", content, 18)
        size = (abs(width), abs(height))
    return size


def _read_webp(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and len(content) >= 30:
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    return None
