"""Read the directories of a TIFF file: one for each page, with its tags. Pure.

Sources: TIFF 6.0, sections 2 and 8; BigTIFF; TIFF/EP and DNG for the tags of raw pictures.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NEW_SUBFILE_TYPE, WIDTH, HEIGHT = 254, 256, 257
BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, SAMPLES_PER_PIXEL = 258, 259, 262, 277
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
MAX_SAMPLE_VALUE, PLANAR_CONFIGURATION, SUB_DIRECTORIES = 281, 284, 330
EXTRA_SAMPLES, SAMPLE_FORMAT, DNG_VERSION = 338, 339, 50706

RAW_VALUES = frozenset({32803, 34892})  # PhotometricInterpretation: colour filter, linear raw values

_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# TIFF's whole numbers: BYTE, SHORT, LONG, their signed kin, IFD and, in BigTIFF, LONG8, SLONG8 and IFD8.
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_MOST_ENTRIES = 4096
_MOST_VALUES = 16
_MOST_PARTS = 1_000_000  # rows or tiles of a page
_MOST_DIRECTORIES = 10_000
_REDUCED_OR_MASK = 0b101  # bits of NewSubfileType: a smaller copy, a transparency mask


class TiffDirectory(PlainStruct, frozen=True):
    """One directory of a TIFF file.

    Attributes:
        offset: where it begins in the file.
        tags: the whole numbers of each tag, the first 16 of long ones.
    """

    offset: int
    tags: Mapping[int, tuple[int, ...]]

    def number(self, tag: int, default: int) -> int:
        """Return the first value of a tag."""
        return next(iter(self.tags.get(tag, ())), default)

    @property
    def is_page(self) -> bool:
        """Whether it is a picture of its own, no smaller copy and no mask of another."""
        return not self.number(NEW_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK


def is_tiff(content: bytes) -> bool:
    """Return whether ``content`` begins as TIFF or BigTIFF."""
    return content[:4] in _STARTS


def iter_directories(content: bytes) -> Iterator[TiffDirectory]:
    """Yield the directories in the file's order.

    Raises:
        ValueError: the file ends before its last directory, or they run in a circle.
    """
    order, is_big = _order(content), b"+" in content[2:4]
    offset_form, at = (order + "Q", 8) if is_big else (order + "I", 4)
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(offset_form, content, at)
        while offset:
            if offset in seen or len(seen) >= _MOST_DIRECTORIES:
                raise ValueError(f"directory {len(seen)} is followed by none that is new")
            seen.add(offset)
            tags, end = _read_tags(content, offset, order, is_big=is_big)
            yield TiffDirectory(offset, tags)
            (offset,) = struct.unpack_from(offset_form, content, end)
    except (struct.error, OverflowError) as err:  # truncated, or an offset beyond the file
        raise ValueError(f"the list of pages ends after {len(seen)}") from err


def holds_raw_values(content: bytes, directory: TiffDirectory) -> bool:
    """Return whether a directory, or one below it, has a camera's raw values: then the rest is a preview."""
    searched = (directory, *directories_below(content, directory))
    kinds = {kind for found in searched for kind in found.tags.get(PHOTOMETRIC, ())}
    return bool(kinds & RAW_VALUES) or DNG_VERSION in directory.tags


def directories_below(content: bytes, directory: TiffDirectory) -> tuple[TiffDirectory, ...]:
    """Return the directories that one names as its own; none where they are damaged."""
    order, is_big = _order(content), b"+" in content[2:4]
    try:
        return tuple(
            TiffDirectory(offset, _read_tags(content, offset, order, is_big=is_big)[0])
            for offset in directory.tags.get(SUB_DIRECTORIES, ())
        )
    except (struct.error, OverflowError):
        return ()


def places_of_parts(content: bytes, directory: TiffDirectory) -> tuple[tuple[int, int], ...]:
    """Return where each strip or tile of a page begins in the file and how many bytes it has.

    Raises:
        ValueError: the list of them is cut off.
    """
    try:
        tags, _ = _read_tags(
            content, directory.offset, _order(content), is_big=b"+" in content[2:4], most_values=_MOST_PARTS
        )
    except (struct.error, OverflowError) as err:
        raise ValueError("the list of its strips is cut off") from err
    offsets, lengths = TILE_OFFSETS, TILE_BYTES
    if offsets not in tags:
        offsets, lengths = STRIP_OFFSETS, STRIP_BYTES
    return tuple(zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False))


def pages_of(content: bytes, directories: tuple[TiffDirectory, ...]) -> tuple[TiffDirectory, ...]:
    """Return the directories that are pages; the first one if each says that it is a copy.

    Where all are copies, what they are copies of may stand below them.
    """
    below = (found for directory in directories for found in directories_below(content, directory))
    pages = [found for found in directories if found.is_page] or [found for found in below if found.is_page]
    return tuple(pages) or directories[:1]


def with_first_directory(content: bytes, offset: int) -> bytes:
    """Return the file with the directory at ``offset`` as its first, which is the one that OpenCV decodes."""
    at, form = (8, "Q") if b"+" in content[2:4] else (4, "I")
    start = struct.pack(_order(content) + form, offset)
    return content[:at] + start + content[at + len(start) :]


def _order(content: bytes) -> str:
    return "<" if content[:2] == b"II" else ">"


def _read_tags(
    content: bytes, offset: int, order: str, *, is_big: bool, most_values: int = _MOST_VALUES
) -> tuple[dict[int, tuple[int, ...]], int]:
    """Return the tags of the directory at ``offset``, and where the offset of the next one stands."""
    count_form, entry_form, value_bytes = ("Q", "HHQ", 8) if is_big else ("H", "HHI", 4)
    (entries,) = struct.unpack_from(order + count_form, content, offset)
    at = offset + struct.calcsize(order + count_form)
    tags: dict[int, tuple[int, ...]] = {}
    if entries > _MOST_ENTRIES:
        raise OverflowError
    for _ in range(entries):
        tag, kind, count = struct.unpack_from(order + entry_form, content, at)
        at += struct.calcsize(order + entry_form)
        if form := _NUMBERS.get(kind):
            start = at
            if count * struct.calcsize(form) > value_bytes:
                (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), content, at)
            tags[tag] = struct.unpack_from(f"{order}{min(count, most_values)}{form}", content, start)
        at += value_bytes
    return tags, at
