"""Check that a file is a PNG that browsers and reports can show, and keep only what its picture needs.

Everything is bounded before it is unpacked. Texts, colour profiles, animations and whatever follows the end
are left out, so that a file that is a PNG and something else besides is a PNG alone.

Source: W3C, Portable Network Graphics (PNG) Specification (Third Edition), sections 5, 7 and 11.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from edge_node.control_room.history.drawings.placement import DrawingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_SIDE_PX = 16_000
MAX_PIXELS = 20_000_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
_KEPT = {b"PLTE": 768, b"tRNS": 256, b"gAMA": 4, b"sRGB": 1, b"pHYs": 9}  # with the most bytes of each
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE_BYTES = 1 << 20
_FILTERS = 5  # ways of packing a row, by its first byte


class PngFile(NamedTuple):
    """A PNG with nothing but its picture."""

    content: bytes
    width_px: int
    height_px: int


def read_png(content: bytes) -> PngFile:
    """Check a PNG and return it without what its picture does not need.

    Raises:
        DrawingError: it is no PNG, is damaged, or too large; one sentence.
    """
    if not content:
        raise DrawingError("the drawing is empty; wanted a PNG file")
    if not content.startswith(_SIGNATURE):
        raise DrawingError(f"the drawing is {_guess(content)}; wanted a PNG file: export or save it as PNG")
    if len(content) > MAX_FILE_BYTES:
        raise DrawingError(f"the drawing has more than {MAX_FILE_BYTES // 1024 // 1024} MB; make it smaller")
    chunks = list(_chunks(content))
    head = _Head.read(chunks[0] if chunks else (b"", b""))
    packed = b"".join(data for name, data in chunks if name == b"IDAT")
    if head.colour == _PALETTE and not _has_palette(chunks):
        raise DrawingError("the PNG is damaged: it has no palette before its picture")
    packed = _check_pixels(packed, head)
    kept = [chunks[0]]
    for name, data in chunks[1:]:
        if name == b"IDAT":
            break
        if name in _KEPT and len(data) <= _KEPT[name] and name not in [one for one, _ in kept]:
            kept.append((name, data))
    kept += [(b"IDAT", packed), (b"IEND", b"")]
    return PngFile(_SIGNATURE + b"".join(map(_encode_chunk, kept)), head.width_px, head.height_px)


class _Head(NamedTuple):
    """The first chunk of a PNG."""

    width_px: int
    height_px: int
    depth: int
    colour: int
    is_interlaced: bool

    @classmethod
    def read(cls, chunk: tuple[bytes, bytes]) -> _Head:
        name, data = chunk
        if name != b"IHDR" or len(data) != 13:
            raise DrawingError("the PNG is damaged: it does not begin with its size")
        width_px, height_px, depth, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", data)
        if depth not in _DEPTHS.get(colour, ()) or packing or filtering or interlace > 1:
            raise DrawingError("the PNG is damaged: its first lines name no kind of picture that there is")
        if not (0 < width_px <= MAX_SIDE_PX and 0 < height_px <= MAX_SIDE_PX):
            raise DrawingError(
                f"the drawing is {width_px} by {height_px} px; wanted 1 to {MAX_SIDE_PX} on each side"
            )
        if width_px * height_px > MAX_PIXELS:
            raise DrawingError(
                f"the drawing has {width_px} by {height_px} px; wanted at most {MAX_PIXELS // 10**6} million"
                " in all: export it with fewer"
            )
        return cls(width_px, height_px, depth, colour, bool(interlace))

    def rows(self) -> Iterator[tuple[int, int]]:
        """Yield bytes of a row and number of rows, for each pass of the picture."""
        bits = self.depth * _CHANNELS[self.colour]
        steps = _ADAM7 if self.is_interlaced else ((0, 0, 1, 1),)
        for x, y, by_x, by_y in steps:
            wide = (self.width_px - x + by_x - 1) // by_x
            high = (self.height_px - y + by_y - 1) // by_y
            if wide > 0 and high > 0:
                yield 1 + (wide * bits + 7) // 8, high


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and data of each chunk up to the end; what is critical and unknown is refused."""
    at = len(_SIGNATURE)
    while True:
        length, name = struct.unpack_from(">I4s", content, at) if at + 12 <= len(content) else (1 << 31, b"")
        end = at + 12 + length
        if end > len(content):
            raise DrawingError("the PNG is damaged: it ends too early; copy or export it again")
        data = content[at + 8 : end - 4]
        if zlib.crc32(content[at + 4 : end - 4]) != struct.unpack_from(">I", content, end - 4)[0]:
            raise DrawingError("the PNG is damaged: a checksum is wrong; copy or export it again")
        if name == b"IEND":
            return
        is_critical = not name[0] & 0x20
        if is_critical and name not in (b"IHDR", b"PLTE", b"IDAT"):
            raise DrawingError("the PNG holds a part that no viewer knows; export it again")
        yield name, data
        at = end


def _has_palette(chunks: Sequence[tuple[bytes, bytes]]) -> bool:
    """Tell whether the first palette comes before the picture, and is one."""
    first = next((chunk for chunk in chunks if chunk[0] in (b"PLTE", b"IDAT")), (b"", b""))
    size = len(first[1])
    return first[0] == b"PLTE" and 0 < size <= _KEPT[b"PLTE"] and size % 3 == 0


def _check_pixels(packed: bytes, head: _Head) -> bytes:
    """Unpack the picture piece by piece, refuse one that no viewer can show, and return it without more."""
    wanted = sum(width * height for width, height in head.rows())
    unpacker, filters = zlib.decompressobj(), _FilterCheck(head.rows())
    found, rest = 0, packed
    try:
        while found <= wanted and not unpacker.eof:
            piece = unpacker.decompress(rest, _PIECE_BYTES)
            rest = unpacker.unconsumed_tail
            if not piece and not rest:
                break
            found += len(piece)
            filters.take(piece)
    except zlib.error:
        found = -1
    if found != wanted or not unpacker.eof:
        raise DrawingError("the PNG is damaged: its picture does not have the size that it names")
    if not filters.are_known:
        raise DrawingError("the PNG is damaged: its picture is packed in no known way; export it again")
    return packed[: len(packed) - len(unpacker.unused_data)]


class _FilterCheck:
    """Looks at the first byte of each row, by which viewers unpack it."""

    def __init__(self, rows: Iterator[tuple[int, int]]) -> None:
        self.are_known = True
        self._rows = rows
        self._width, self._left, self._skip = 1, 0, 0

    def take(self, piece: bytes) -> None:
        """Take the next bytes of the picture."""
        while piece:
            if not self._left:
                self._width, height = next(self._rows, (len(piece), 1))
                self._left, self._skip = self._width * height, 0
            part, piece = piece[: self._left], piece[self._left :]
            self.are_known &= max(part[self._skip :: self._width], default=0) < _FILTERS
            self._skip = (self._skip - len(part)) % self._width
            self._left -= len(part)


def _encode_chunk(chunk: tuple[bytes, bytes]) -> bytes:
    name, data = chunk
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _guess(content: bytes) -> str:
    """Say what a file is that is no PNG, where its first bytes tell."""
    begin = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    known = {
        b"\xff\xd8": "a JPEG",
        b"gif8": "a GIF",
        b"%pdf": "a PDF",
        b"<svg": "an SVG",
        b"riff": "a WebP",
        b"<!doctype html": "a page",
        b"<html": "a page",
        b"ii*\0": "a TIFF",
        b"mm\0*": "a TIFF",
    }
    found = next((word for start, word in known.items() if begin.startswith(start)), None)
    return found or ("an SVG" if b"<svg" in begin else "no PNG")
