"""JPEG files that hold several pictures, by the Multi-Picture Format."""

from __future__ import annotations

import struct

PREVIEW, STEREO, UNDEFINED = 0x010001, 0x020002, 0


def multi_picture(first: bytes, *further: tuple[int, bytes]) -> bytes:
    """Return ``first`` with a list of pictures, and those behind it; each is a kind and a JPEG."""
    count = 1 + len(further)
    at = 2 + 4 + 4  # behind SOI, the marker with its length, and the name
    size = 8 + 2 + 12 + 4 + 16 * count
    whole = len(first) + 4 + 4 + size
    entries = struct.pack(">IIIHH", 0x030000, whole, 0, 0, 0)
    offset = whole - at
    for kind, content in further:
        entries += struct.pack(">IIIHH", kind, len(content), offset, 0, 0)
        offset += len(content)
    directory = struct.pack(">HHHII", 1, 0xB002, 7, 16 * count, 26) + b"\0\0\0\0"
    content = b"MPF\0MM\0*" + struct.pack(">I", 8) + directory + entries
    segment = b"\xff\xe2" + struct.pack(">H", len(content) + 2) + content
    return first[:2] + segment + first[2:] + b"".join(content for _, content in further)
