"""Read the width and height that a picture's header declares, before decoding it. Pure.

A file of a few kilobytes may declare a picture of gigabytes.

Sources: TIFF 6.0, section 2, and BigTIFF; RFC 9649 (WebP); BITMAPINFOHEADER.
"""

from __future__ import annotations

import struct

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
# TIFF's whole numbers: BYTE, SHORT, LONG and, in BigTIFF, LONG8.
_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MOST_TIFF_ENTRIES = 4096


def read_declared_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height of a TIFF, WebP or BMP, in px; None for others and damaged headers."""
    try:
        if content[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
            return _read_tiff(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _read_webp(content)
        if content[:2] == b"BM" and len(content) >= 26:
            width, height = struct.unpack_from("<ii", content, 18)
            return abs(width), abs(height)
    except (struct.error, OverflowError):  # the header is truncated, or has an offset beyond the file
        return None
    return None


def _read_tiff(content: bytes) -> tuple[int, int] | None:
    """Read the size in the first directory, whose picture OpenCV decodes."""
    order = "<" if content[:2] == b"II" else ">"
    is_big = b"+" in content[2:4]
    offset, count, entry = ("Q", "Q", "HHQ") if is_big else ("I", "H", "HHI")
    (at,) = struct.unpack_from(order + offset, content, 8 if is_big else 4)
    (entries,) = struct.unpack_from(order + count, content, at)
    at += struct.calcsize(order + count)
    found: dict[int, int] = {}
    for _ in range(min(entries, _MOST_TIFF_ENTRIES)):
        tag, kind, _ = struct.unpack_from(order + entry, content, at)
        at += struct.calcsize(order + entry)
        if tag in {_TIFF_WIDTH, _TIFF_HEIGHT} and kind in _TIFF_NUMBERS:
            (found[tag],) = struct.unpack_from(order + _TIFF_NUMBERS[kind], content, at)
        at += struct.calcsize(order + offset)
    if len(found) < 2:
        return None
    return found[_TIFF_WIDTH], found[_TIFF_HEIGHT]


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
