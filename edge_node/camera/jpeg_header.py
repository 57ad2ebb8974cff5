"""Check that a JPEG is whole, and find the pictures in it. Pure.

OpenCV decodes a truncated JPEG into a picture with grey in its lower part, without an error; a model would
call that grey clean metal. So the end marker is searched first.

Sources: ITU-T T.81, annex B; CIPA DC-007 (Multi-Picture Format).
"""

from __future__ import annotations

import struct

from edge_node.errors import UnreadablePictureError
from edge_node.plain_struct import PlainStruct

JPEG_START = b"\xff\xd8\xff"

_END = 0xD9
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length: TEM, RSTn, SOI
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn: holds height and width
_APP2, _SCAN = 0xE2, 0xDA
_PICTURES_TAG, _ENTRY_BYTES = 0xB002, 16
_FRAMES_OF_ONE_SIGHT = 0x02  # panorama, stereo pair, angles; 0x01 are previews, 0x03 is the main picture
_UNDEFINED = 0x00
# A map by which a screen brightens the main picture: no picture of its own.
_GAIN_MAPS = (b"hdrgm", b"HDRGainMap", b"urn:iso:std:iso:ts:21496")
_HEADER_BYTES = 65536


class JpegFrame(PlainStruct, frozen=True):
    """What the frame header of a JPEG says.

    Attributes:
        width: px.
        height: px.
        bits: of a value; 8 but in medical and in raw pictures.
        end: where the end marker stands in the file.
    """

    width: int
    height: int
    bits: int
    end: int


def check_jpeg(content: bytes, where: str) -> JpegFrame | None:
    """Return the frame header, after walking the segments to the end marker; a thumbnail's is inside one.

    Raises:
        UnreadablePictureError: there is no end marker; the text begins with ``where``.
    """
    cut_off = UnreadablePictureError(f"{where}: the JPEG is cut off: it has no end marker; copy it again")
    at, size = 2, None
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise cut_off
        marker = content[at + 1]
        if marker == _END:
            return size and JpegFrame(*size, end=at)
        if marker in {0x00, 0xFF} or marker in _STANDALONE:  # stuffed byte, fill byte, no length
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES and at + 9 <= len(content):
            bits, height, width = struct.unpack_from(">BHH", content, at + 4)
            size = (width, height, bits)
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if at > len(content):
            raise cut_off


def picture_starts(content: bytes) -> tuple[int, ...]:
    """Return where each picture of a JPEG begins; previews and gain maps are not pictures of their own."""
    base = _find_picture_list(content)
    if base is None:
        return (0,)
    try:
        entries = _read_entries(content, base)
    except struct.error:  # the list is truncated
        return (0,)
    first = _frame_size(content)
    starts = ((kind, base + offset) for kind, offset in entries if offset)
    return (0, *(at for kind, at in starts if _is_picture(content[at : at + _HEADER_BYTES], kind, first)))


def _find_picture_list(content: bytes) -> int | None:
    """Return where the list of pictures begins; it stands in a segment before the first scan."""
    at = 2
    while at + 8 <= len(content) and content[at] == 0xFF and content[at + 1] != _SCAN:
        if content[at + 1] == _APP2 and content[at + 4 : at + 8] == b"MPF\0":
            return at + 8
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def _read_entries(content: bytes, base: int) -> list[tuple[int, int]]:
    """Return the kind of each picture and its offset from ``base``."""
    order = "<" if content[base : base + 2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", content, base + 4)
    (count,) = struct.unpack_from(order + "H", content, base + directory)
    for index in range(count):
        tag, _, size, start = struct.unpack_from(order + "HHII", content, base + directory + 2 + 12 * index)
        if tag == _PICTURES_TAG:
            places = range(base + start, base + start + size, _ENTRY_BYTES)
            found = (struct.unpack_from(order + "III", content, place) for place in places)
            return [((attribute >> 16) & 0xFF, offset) for attribute, _, offset in found]
    return []


def _is_picture(header: bytes, kind: int, first: tuple[int, int] | None) -> bool:
    if not header.startswith(JPEG_START) or any(word in header for word in _GAIN_MAPS):
        return False
    return kind == _FRAMES_OF_ONE_SIGHT or (kind == _UNDEFINED and _frame_size(header) == first)


def _frame_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF and content[at + 1] != _SCAN:
        if content[at + 1] in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None
