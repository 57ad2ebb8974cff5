"""Find out whether a video file ends before its container says that it does; nothing is decoded.

Lengths of boxes, elements, chunks, tags and packets are compared with the file's length. Times are not: a
container's duration is that of its longest track, and its origin is not that of the first picture.

Told: MP4, QuickTime and 3GP; Matroska and WebM; AVI; FLV; ASF; animated PNG; GIF; the last packet, page or
picture of MPEG-TS, MPEG-PS, Ogg, MXF and IVF; in Matroska, AVI and FLV also a structure that breaks before
the end. A file of any kind whose end holds only zeros is told too: a file system does that when the power
fails. Not told: a cut that falls exactly between two fragments, clusters of a live Matroska, tags, pages or
packets; raw H.264, H.265 and other elementary streams, live ASF and the rest, which announce nothing.

Sources: ISO/IEC 14496-12, RFC 9559 and RFC 8794, RIFF with OpenDML, Adobe's FLV specification 10.1,
Microsoft's ASF specification, ISO/IEC 13818-1, PNG, GIF89a, RFC 3533 (Ogg), SMPTE 336M (MXF).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from edge_node.errors import CameraError
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    _Read = Callable[[int, int], bytes]  # from a byte on, so many; fewer at the end

_MIN_ZERO_BYTES = 2048  # fewer may be a silent sound
_ZEROS_OF_AN_ELEMENT_BYTES = 64  # with which its content may end
_BLOCK_BYTES = 1024 * 1024


def find_cut(path: Path, *, every_picture: bool = False, zeros_matter: bool = True) -> str | None:
    """Return in words how the file shows that its end is missing, or None where nothing shows it.

    Args:
        path: of the video.
        every_picture: look at the place of every picture too: a second for an hour of video.
        zeros_matter: zeros at the end are missing content, not a silent sound without compression.

    Raises:
        CameraError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            descriptor = file.fileno()

            def read(at: int, count: int) -> bytes:
                return os.pread(descriptor, count, at)

            size = os.fstat(descriptor).st_size
            zeros_at = _zeros_at(read, size) if zeros_matter else None
            return _find_cut(read, size, zeros_at, every_picture=every_picture)
    except OSError as err:
        raise CameraError(f"{path}: {err.strerror or err}") from err


def lists_pictures(path: Path) -> bool:
    """Tell whether the container lists each picture of its video track; others give a length of time."""
    with path.open("rb") as file:
        head = file.read(16)
    return any(magic.match(head) for magic, walk in _WALKS if walk in {_walk_iso, _walk_avi})


class _Part(PlainStruct, frozen=True):
    """A part that the container announces: its name and where it ends; without an end, what is wrong."""

    name: str
    end: int | None
    is_filling: bool = False


def _find_cut(read: _Read, size: int, zeros_at: int | None, *, every_picture: bool) -> str | None:
    head = read(0, 16)
    walk = next((walk for magic, walk in _WALKS if magic.match(head)), None)
    # The others have no end of their own: zeros there are a fault.
    announced = 0 if walk in _WALKS_TO_AN_END else size
    found = None
    for part in walk(read, size, every_picture) if walk else ():
        if part.end is None:
            found = f"its {part.name}"
        elif part.end > size:
            found = f"its {part.name} ends at byte {part.end:,}, the file at byte {size:,}"
        elif not part.is_filling:
            announced = max(announced, part.end)
        if found:
            break
    # Recorders that reserve space leave zeros behind the container's own end.
    if zeros_at is not None and (found or announced > zeros_at + _ZEROS_OF_AN_ELEMENT_BYTES):
        return f"from byte {zeros_at:,} of {size:,} on it holds only zeros"
    return found


def _zeros_at(read: _Read, size: int) -> int | None:
    """Return where the zeros at the file's end begin, if there are many."""
    at = size
    while at > 0:
        start = max(0, at - (_BLOCK_BYTES if at < size else _MIN_ZERO_BYTES))
        kept = len(read(start, at - start).rstrip(b"\0"))
        at = start + kept
        if kept:
            break
    return at if size - at >= _MIN_ZERO_BYTES else None


_BOXES = frozenset(
    b"ftyp moov mdat moof mfra free skip wide uuid udta meta sidx styp ssix prft emsg pnot PICT pdin".split()
)


def _walk_iso(read: _Read, size: int, _every: bool) -> Iterator[_Part]:
    """Walk the boxes; what follows a box that is not known may be no box: recorders add things at the end."""
    at, found, is_sure = 0, {b""}, True
    while at < size:
        header = read(at, 16)
        length, name = int.from_bytes(header[:4], "big"), header[4:8]
        if len(header) < 8 and b"moof" in found and any(header):
            yield _Part("next box", at + 8)
        if length == 1:
            length = int.from_bytes(header[8:], "big")
        if name == b"moov" and b"moov" in found and b"moof" not in found:
            # Files that were put together byte by byte: FFmpeg reads the first of them only.
            yield _Part(f"second index, at byte {at:,}, is of another film, which is not read", None)
        found.add(name)
        is_sure = name in _BOXES
        if length < 8 or not (is_sure or at + length <= size):  # a length of 0: to the end of the file
            break
        at += length
        if is_sure:
            yield _Part(f"box {name.decode()}", at, is_filling=name in {b"free", b"skip"})
    if is_sure and not found & {b"moov", b"moof"}:
        yield _Part("index (the box moov) is missing", None)


_SEGMENT, _CLUSTER, _VOID = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\xec"
_ELEMENTS = {_SEGMENT: "segment", _CLUSTER: "cluster"}


def _walk_matroska(read: _Read, size: int, every_picture: bool) -> Iterator[_Part]:
    """Walk the elements of the segment; live files give neither its length nor that of their clusters."""
    at, end, cluster_end = 0, size, size
    while at < end:
        name, length, start = _read_element(read(at, 12))
        yield _Part("next element", at + start, is_filling=True)
        if name in _ELEMENTS:
            cluster_end = size
        if not name or at + start + (length or 0) > cluster_end < size:
            yield _Part(f"structure breaks at byte {at:,} of {size:,}", None)
            return
        at += start
        if length is None and name not in _ELEMENTS:
            return
        if length is None:
            continue
        # A segment's own end is compared with the file's, and what counts as its content is in it.
        yield _Part(_ELEMENTS.get(name, "last element"), at + length, is_filling=name in {_SEGMENT, _VOID})
        if name == _SEGMENT:
            end = at + length
        elif name == _CLUSTER and every_picture:
            cluster_end = at + length
        else:
            at += length
            cluster_end = size if at >= cluster_end else cluster_end


def _read_element(header: bytes) -> tuple[bytes, int | None, int]:
    """Return an element's id, its length (None: not known) and that of its header; no id if it is none."""
    name_bytes = 9 - header[0].bit_length()
    first = header[name_bytes] if name_bytes < len(header) else 0xFF
    length_bytes = 9 - first.bit_length()
    start = name_bytes + length_bytes
    if name_bytes > 4 or length_bytes > 8:
        return b"", None, 1
    unknown = (1 << 7 * length_bytes) - 1
    length = int.from_bytes(header[name_bytes:start], "big") & unknown
    return header[:name_bytes], None if length == unknown else length, start


_UNKNOWN_LENGTHS = frozenset({0, 0xFFFFFFFF})  # of a recorder that never came to write it
_CHUNK_NAME = re.compile(rb"[ -~]{4}")
_RIFF_SLACK_BYTES = 8  # some writers count the header too


def _walk_avi(read: _Read, size: int, every_picture: bool) -> Iterator[_Part]:
    """Walk the RIFF chunks (more than one beyond 1 GB), or where no length is given what is in them."""
    at, is_inside = 0, False
    while at < size:
        header = read(at, 12)
        if not _CHUNK_NAME.match(header) and is_inside:  # some writers leave out the filling byte
            at, header = at - 1, read(at - 1, 12)
        name, length = header[:4], int.from_bytes(header[4:8], "little")
        if not _CHUNK_NAME.match(name) or (name != b"RIFF" and not is_inside):
            if every_picture and is_inside:
                yield _Part(f"structure breaks at byte {at:,} of {size:,}", None)
            return
        yield _Part("next chunk", at + 8)
        end = at + 8 + length
        is_list = name == b"RIFF" or (name == b"LIST" and header[8:] in {b"movi", b"rec "})
        if length not in _UNKNOWN_LENGTHS or not is_list:
            yield _Part(f"chunk {name.decode()}", end - (_RIFF_SLACK_BYTES if name == b"RIFF" else 0))
        if is_list and (every_picture or length in _UNKNOWN_LENGTHS):
            at, is_inside = at + 12, True
        else:
            at = end + (end & 1)


_FLV_TAGS = frozenset({8, 9, 18})  # sound, video, script


def _walk_flv(read: _Read, size: int, every_picture: bool) -> Iterator[_Part]:
    """Look at the last tag by its length behind it; if that is wrong, walk all tags."""
    length = int.from_bytes(read(size - 4, 4), "big")
    last = read(size - 4 - length, 4) if 11 <= length <= size - 13 else b"\0"
    is_whole = last[0] & 0x1F in _FLV_TAGS and int.from_bytes(last[1:], "big") == length - 11
    at = size if is_whole and not every_picture else int.from_bytes(read(5, 4), "big") + 4
    while at < size:
        tag = read(at, 11)
        if tag[0] & 0x1F not in _FLV_TAGS:
            if is_whole:
                yield _Part(f"structure breaks at byte {at:,} of {size:,}", None)
            return
        yield _Part("last tag", at + 11)
        at += 11 + int.from_bytes(tag[1:4], "big")
        yield _Part("last tag", at)
        at += 4
        if at > size > at - 4:
            yield _Part("last tag", at)


def _walk_asf(read: _Read, _size: int, _every: bool) -> Iterator[_Part]:
    """Compare the header's and the data object's length."""
    at = 0
    for name in ("header", "data"):
        length = int.from_bytes(read(at + 16, 8), "little")
        if length < 100:  # not known: a live recording
            return
        at += length
        yield _Part(name, at)


def _walk_png(read: _Read, _size: int, _every: bool) -> Iterator[_Part]:
    at, name = 8, b""
    while name != b"IEND":
        header = read(at, 8)
        at, name = at + 12 + int.from_bytes(header[:4], "big"), header[4:]
        yield _Part("last chunk", at)


def _walk_ogg(read: _Read, size: int, every_picture: bool) -> Iterator[_Part]:
    at = 0
    while at < size:
        header = read(at, 27 + 255)  # the lengths of a page's segments stand behind its 27 bytes
        if not header.startswith(b"OggS"[: len(header)]):
            if every_picture:
                yield _Part(f"structure breaks at byte {at:,} of {size:,}", None)
            return
        segments = header[26] if len(header) > 26 else 0
        at += 27 + segments + sum(header[27 : 27 + segments])
        yield _Part("last page", at)


def _walk_gif(read: _Read, size: int, _every: bool) -> Iterator[_Part]:
    """Walk the blocks to the trailer; those of a picture are chains of up to 255 bytes."""
    at = 13 + _gif_colours_bytes(read(10, 1))
    while (kind := read(at, 10))[:1] != b";":
        if kind[:1] not in {b"!", b","}:
            yield (
                _Part("next block", size + 1) if not kind else _Part(f"structure breaks at byte {at:,}", None)
            )
            return
        at += 2 if kind[:1] == b"!" else 11 + _gif_colours_bytes(kind[9:])
        while at < size and (length := read(at, 1)[0]):
            at += 1 + length
        at += 1
        yield _Part("last block", at)


def _gif_colours_bytes(flags: bytes) -> int:
    """Return the length of a colour table, of which the flags say whether it is there and how long."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _walk_ivf(read: _Read, size: int, _every: bool) -> Iterator[_Part]:
    at = int.from_bytes(read(6, 2), "little")
    while at < size:
        at += 12 + int.from_bytes(read(at, 4), "little")
        yield _Part("last picture", at)


def _walk_mxf(read: _Read, size: int, _every: bool) -> Iterator[_Part]:
    """Walk the triplets of key, length and value (SMPTE 336M)."""
    at = 0
    while at < size:
        header = read(at, 25)
        if not header.startswith(b"\x06\x0e\x2b\x34"[: len(header)]):
            return
        first = header[16] if len(header) > 16 else 0
        length_bytes = first & 0x7F if first & 0x80 else 0
        length = int.from_bytes(header[17 : 17 + length_bytes], "big") if length_bytes else first
        at += 17 + length_bytes + length
        yield _Part("last element", at)


_SYNC = 0x47
_TAIL_PACKETS = 12


def _walk_transport_stream(read: _Read, size: int, _every: bool) -> Iterator[_Part]:
    """Look at the last packet: of 188 bytes, or with a time before it or check sums behind it."""
    for packet_bytes, before in ((188, 0), (192, 4), (204, 0)):
        tail = read(max(0, size - packet_bytes * _TAIL_PACKETS), packet_bytes * _TAIL_PACKETS)
        for first in range(min(packet_bytes, len(tail))):
            syncs = tail[first::packet_bytes]
            if len(syncs) > _TAIL_PACKETS // 3 and syncs.count(_SYNC) == len(syncs):
                yield _Part("last packet", size + -(len(tail) - first + before) % packet_bytes)
                return


_PACK = b"\0\0\1\xba"
_PROGRAM_TAIL_BYTES = 256 * 1024


def _walk_program_stream(read: _Read, size: int, _every: bool) -> Iterator[_Part]:
    """Walk the packets at the file's end from the first pack whose packets follow each other to the end."""
    offset = max(0, size - _PROGRAM_TAIL_BYTES)
    tail = read(offset, _PROGRAM_TAIL_BYTES)
    for pack in re.finditer(_PACK, tail):
        at: int | None = pack.start()
        while at is not None and at < len(tail):
            at = _packet_end(tail, at)
        if at is not None:
            yield _Part("last packet", offset + at)
            return


def _packet_end(tail: bytes, at: int) -> int | None:
    """Return where a packet of a program stream ends; None where none begins."""
    header = tail[at : at + 14]
    if header[:3] != b"\0\0\1" or len(header) < 4:
        return None
    code = header[3]
    if code == 0xB9:  # the program's end
        return at + 4
    if code == 0xBA:
        is_mpeg1 = len(header) > 4 and header[4] >> 6 != 1
        return at + (12 if is_mpeg1 else 14 + (header[13] & 7 if len(header) == 14 else 0))
    if len(header) < 6:
        return at + 6
    length = int.from_bytes(header[4:6], "big")
    return at + 6 + length if code > 0xBA and length else None


_WALKS: tuple[tuple[re.Pattern[bytes], Callable[[_Read, int, bool], Iterator[_Part]]], ...] = (
    (re.compile(rb".{4}(?:ftyp|moov|mdat|wide|free|skip|pnot|moof|styp|sidx)", re.DOTALL), _walk_iso),
    (re.compile(rb"\x1a\x45\xdf\xa3"), _walk_matroska),
    (re.compile(rb"RIFF"), _walk_avi),
    (re.compile(rb"\x30\x26\xb2\x75"), _walk_asf),
    (re.compile(rb"\x89PNG"), _walk_png),
    (re.compile(rb"FLV"), _walk_flv),
    (re.compile(rb"\0\0\x01\xba|IMKH"), _walk_program_stream),
    (re.compile(rb"OggS"), _walk_ogg),
    (re.compile(rb"GIF8"), _walk_gif),
    (re.compile(rb"DKIF"), _walk_ivf),
    (re.compile(rb"\x06\x0e\x2b\x34"), _walk_mxf),
    (re.compile(rb""), _walk_transport_stream),
)
_WALKS_TO_AN_END = frozenset({_walk_iso, _walk_matroska, _walk_avi, _walk_asf, _walk_png})
