"""Read the width and height that a picture's header declares, before decoding it. Pure.

A file of a few kilobytes may declare a picture of gigabytes.

Sources: RFC 9649 (WebP); BITMAPINFOHEADER.
"""

from __future__ import annotations

import struct

from edge_node.camera.tiff_header import HEIGHT, WIDTH, is_tiff, iter_directories


def read_declared_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height of a TIFF, WebP or BMP, in px; None for others and damaged headers."""
    try:
        if is_tiff(content):
            first = next(iter_directories(content)).tags
            return (first[WIDTH][0], first[HEIGHT][0])
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _read_webp(content)
        if content[:2] == b"BM" and len(content) >= 26:
            width, height = struct.unpack_from("<ii", content, 18)
            return abs(width), abs(height)
    except (struct.error, OverflowError, ValueError, StopIteration, LookupError):  # truncated or damaged
        return None
    return None


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
