"""Tell by a file's content whether it is a picture or a video; its name says nothing.

One answer for every command that takes files. Animated pictures (GIF, APNG, WebP) are videos: each of their
pictures is judged, or the file is refused, but none is left out silently. Every GIF counts as one.

Sources: ISO/IEC 14496-12 and 23008-12 (brands), ITU-T T.81, CIPA DC-007 (several pictures in one JPEG), RFC
9559 (Matroska), ISO/IEC 13818-1, RIFF, RFC 2083.
"""

from __future__ import annotations

import mmap
import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEAD_BYTES = 4096
_SECOND_JPEG_WITHIN_BYTES = 64 * 1024 * 1024  # a frame of a video is smaller


class MediaKind(str, Enum):
    """What a file holds."""

    PICTURE = "picture"  # a still picture of any format, also of one that cannot be decoded here
    VIDEO = "video"  # a video of any format, also of one that cannot be decoded here
    OTHER = "other"  # empty, encrypted, text, sound, or no file at all


def media_kind(path: Path) -> MediaKind:
    """Return what the file holds; ``OTHER`` also where it cannot be read, for its reader says why."""
    head = _read_head(path)
    if not head.startswith(_JPEG):
        return _kind_of_head(head)
    try:
        with path.open("rb") as file:
            return MediaKind.VIDEO if _is_motion_jpeg(file.fileno()) else MediaKind.PICTURE
    except (OSError, ValueError):
        return MediaKind.OTHER


def is_media(path: Path) -> bool:
    """Tell whether the file holds a picture or a video, whichever; only its first bytes are read."""
    head = _read_head(path)
    return head.startswith(_JPEG) or _kind_of_head(head) is not MediaKind.OTHER


def _read_head(path: Path) -> bytes:
    try:
        if not path.is_file():  # opening a pipe would wait
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return b""


_JPEG = b"\xff\xd8\xff"
_PICTURES = re.compile(
    rb"\x89PNG\r\n\x1a\n"
    rb"|II\*\0|MM\0\*|II\+\0|MM\0\+|IIU\0|IIRO|FUJIFILM"  # TIFF, BigTIFF and cameras' raw formats
    rb"|BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"
    rb"|RIFF.{4}WEBP"
    rb"|\0\0\0\x0c(?:jP  |JXL )|\xff\x4f\xff\x51|\xff\x0a"  # JPEG 2000, JPEG XL
    rb"|P[1-7]\s|P[Ff]\s|#\?RADIANCE|#\?RGBE|\x76\x2f\x31\x01|\x59\xa6\x6a\x95|8BPS",
    re.DOTALL,
)
_VIDEOS = re.compile(
    rb"GIF8[79]a"
    rb"|\x1a\x45\xdf\xa3"  # Matroska, WebM
    rb"|[\0-\x1f].{3}(?:moov|wide|free|skip|pnot|moof|styp|sidx)|.{4}mdat"  # QuickTime without a brand
    rb"|RIFF.{4}(?:AVI[ X\x19]|AMV |CDXA)"
    rb"|FLV\x01|\x30\x26\xb2\x75\x8e\x66\xcf\x11"  # Flash, ASF
    # MPEG-1, -2 and -4, H.264 and H.265: a start code. An icon begins 00 00 01 00.
    rb"|\0{3,}\x01|\0\0\x01[^\0]"
    rb"|IMKH|DHAV"  # network recorders
    rb"|YUV4MPEG2|DKIF|nut/multimedia|\.RMF|\x06\x0e\x2b\x34\x02\x05\x01\x01|\x1f\x07\0|\x12\0\x0a"
    rb"|OggS.*(?:theora|BBCD|OVP80|video)"
    rb"|\s*--[^\r\n]+\r?\n(?:[^\r\n]+\r?\n)*?(?i:content-type: *image/jpe?g)",  # a saved MJPEG stream
    re.DOTALL,
)
# Packets of 188 bytes that begin with 0x47; cameras on cards put a time before, senders a check sum behind.
_TRANSPORT_STREAM = re.compile(
    b"|".join(rb".{0,%d}?\x47(?:.{%d}\x47){4}" % (size, size - 1) for size in (188, 192, 204)), re.DOTALL
)
_PICTURE_BRANDS = frozenset(
    (b"heic heix heim heis hevc hevx hevm hevs heif mif1 mif2 msf1 miaf avif avis avio").split()
) | {b"crx "}  # Canon's raw format
_VIDEO_BRANDS = re.compile(rb"iso[2-9am]|mp4[12]|qt  |avc1|3g|M4V|MSNV|dash")
_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A "})
# A header that lists the file's further JPEGs: a stereo pair, a map of brightness, a preview.
_LISTED_JPEGS = re.compile(rb"MPF\0|Container:Directory|hdrgm:")
_NEXT_JPEG = re.compile(rb"\xff\xd9[\0\r\n]*(?=\xff\xd8\xff)")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn: holds height and width
_JPEG_SCAN = 0xDA


def _kind_of_head(head: bytes) -> MediaKind:
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    if _PICTURES.match(head):
        return MediaKind.VIDEO if _is_animated(head) else MediaKind.PICTURE
    if _VIDEOS.match(head) or _TRANSPORT_STREAM.match(head):
        return MediaKind.VIDEO
    return MediaKind.OTHER


def _kind_of_brands(head: bytes) -> MediaKind:
    """Tell photographs (HEIC, AVIF) and sound from videos, which have the same container."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & _PICTURE_BRANDS and not _VIDEO_BRANDS.match(head, 8):
        return MediaKind.PICTURE
    return MediaKind.OTHER if head[8:12] in _SOUND_BRANDS else MediaKind.VIDEO


def _is_animated(head: bytes) -> bool:
    """Tell whether a PNG has its animation chunk before the first picture, or a WebP the flag."""
    if head.startswith(b"\x89PNG"):
        return b"acTL" in head.partition(b"IDAT")[0]
    return head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)


def _is_motion_jpeg(descriptor: int) -> bool:
    """Tell whether another JPEG of the same size follows the first, as in a camera's ``.mjpeg``."""
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        size, lists_more, scan_at = _read_jpeg_header(content, 0)
        if lists_more or not size:
            return False
        following = _NEXT_JPEG.search(content, scan_at, scan_at + _SECOND_JPEG_WITHIN_BYTES)
        return following is not None and _read_jpeg_header(content, following.end())[0] == size


def _read_jpeg_header(content: mmap.mmap, at: int) -> tuple[bytes, bool, int]:
    """Return height and width as they stand there, whether more JPEGs are listed, and where the scan is."""
    size, lists_more = b"", False
    at += 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != _JPEG_SCAN:
        if content[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        payload = content[at + 4 : at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")]
        if content[at + 1] in _JPEG_FRAMES:
            size = payload[1:5]
        lists_more = lists_more or _LISTED_JPEGS.search(payload) is not None
        at += 4 + len(payload)
    return size, lists_more, at
