"""Find out whether the strips or tiles of a TIFF can be decoded. Pure.

OpenCV gives a picture also where a part of it cannot be decoded: that part is black, or a copy of another
one, and a model would call it clean metal.

Sources: TIFF 6.0, sections 9, 13, 14 and 15; Adobe's TIFF technical notes (Deflate); RFC 1950.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from edge_node.camera import tiff_header as tiff

if TYPE_CHECKING:
    from edge_node.camera.tiff_header import TiffDirectory

_NONE, _LZW, _JPEG, _PACK_BITS = 1, 5, 7, 32773
_FAX = frozenset({2, 3, 4})
_DEFLATE = frozenset({8, 32946})
_DECODED = frozenset({_NONE, _LZW, _JPEG, _PACK_BITS}) | _FAX | _DEFLATE
# LZW and PackBits never write so many zeros: a block is lost, on a disk or in a copy.
_HOLE = bytes(64)
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_BLOCK_BYTES = 1 << 20
# Of a pixel, and of tiles at the edges: a few kilobytes may be decompressed to gigabytes.
_MOST_BYTES_OF_A_PIXEL, _MOST_FILLING_BYTES = 64, 1 << 26


def find_fault(content: bytes, page: TiffDirectory) -> str | None:
    """Return in words why a page cannot be decoded as a whole, or None where nothing shows it."""
    compression = page.number(tiff.COMPRESSION, _NONE)
    if compression not in _DECODED:
        return f"a TIFF of compression {compression} is not read; save it without compression"
    try:
        places = tiff.places_of_parts(content, page)
    except ValueError as err:
        return f"the TIFF is damaged: {err}; copy it again"
    pixels = page.number(tiff.WIDTH, 0) * page.number(tiff.HEIGHT, 0)
    left = _MOST_BYTES_OF_A_PIXEL * pixels + _MOST_FILLING_BYTES
    for number, (start, length) in enumerate(places, start=1):
        if start + length > len(content):
            return f"the TIFF is cut off: part {number} of {len(places)} ends behind the file; copy it again"
        part = memoryview(content)[start : start + length]
        left -= _inflate(part, left) if compression in _DEFLATE else length
        if left < 0 or not _is_whole(part, compression):
            return f"the TIFF is damaged: part {number} of {len(places)} cannot be decoded; copy it again"
    return None


def _is_whole(part: memoryview, compression: int) -> bool:
    """Tell whether a strip or tile is complete, as far as its compression shows it."""
    if compression == _JPEG:
        return part[:2] == _JPEG_START and _JPEG_END in bytes(part[-8:])
    return compression not in {_LZW, _PACK_BITS} or _HOLE not in bytes(part)


def _inflate(part: memoryview, most_bytes: int) -> int:
    """Return how many bytes a part has without compression; more than ``most_bytes`` where it is damaged."""
    decompressor = zlib.decompressobj()
    rest: bytes | memoryview = part
    count = 0
    try:
        while rest and not decompressor.eof and count <= most_bytes:
            count += len(decompressor.decompress(rest, _BLOCK_BYTES))
            rest = decompressor.unconsumed_tail
    except zlib.error:
        return most_bytes + 1
    return count if decompressor.eof else most_bytes + 1
