"""Read from a picture's header what its values mean: full scale, inversion, transparency. Pure.

Formats whose values have no full scale that a model could be given are refused in a sentence.

Sources: RFC 2083 and PNG 3 (sBIT, tRNS); TIFF 6.0; netpbm's ppm(5); ISO/IEC 15444-1, annex A.5.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_node.camera import tiff_header as tiff
from edge_node.camera.full_scale import ValueRange
from edge_node.errors import UnreadablePictureError
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.camera.tiff_header import TiffDirectory

PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_PALETTE, _PNG_ALPHA = 3, 4  # colour type, and its bit
_PNM = re.compile(rb"P([2356])(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s")
_PNM_SAMPLES = {b"5": 1, b"6": 3}  # of a pixel, where values are no text
_HEADER_BYTES = 1024
_J2K_SIZES = b"\xff\x4f\xff\x51"
_J2K_DEPTH_AT = 40  # of the first component, behind the start of the code stream

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_TIFF_SAMPLES = {_WHITE_IS_ZERO: (1,), _BLACK_IS_ZERO: (1,), _RGB: (3, 4), _PALETTE: (1,), _CMYK: (4,)}
_TIFF_SAMPLES[_YCBCR] = (3,)
_DEEP_BITS = frozenset({10, 12, 14, 16})
_SAMPLE_FORMATS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_ALPHA_SAMPLES = frozenset({1, 2})


class PictureHeader(PlainStruct, frozen=True):
    """How a picture is to be decoded.

    Attributes:
        values: how its values are scaled; None: OpenCV does it.
        is_deep: decode it with the file's bits, more than 8.
        may_be_transparent: its fourth value may say that pixels are not to be seen.
    """

    values: ValueRange | None = None
    is_deep: bool = False
    may_be_transparent: bool = False


def read_header(content: bytes, page: TiffDirectory | None, where: str) -> PictureHeader:
    """Return how ``content`` is to be decoded.

    Args:
        content: the file.
        page: the directory that is decoded, of a TIFF.
        where: the file's name.

    Raises:
        UnreadablePictureError: its values have no known full scale; the text begins with ``where``.
    """
    try:
        if page is not None:
            return _read_tiff(page)
        if content.startswith(PNG_START):
            return _read_png(content)
        if match := _PNM.match(content):
            return _read_pnm(content, match)
        if (at := content[:_HEADER_BYTES].find(_J2K_SIZES)) >= 0 and len(content) > at + _J2K_DEPTH_AT:
            return _read_jpeg_2000(content[at + _J2K_DEPTH_AT + 2])
        return PictureHeader(may_be_transparent=not _is_opaque(content))
    except IndexError as err:  # the header is cut off
        raise UnreadablePictureError(
            f"{where}: a damaged picture: its header is cut off; copy it again"
        ) from err
    except _RefusedError as err:
        raise UnreadablePictureError(f"{where}: {err}; save it as RGB with 8 bits") from err


def _is_opaque(content: bytes) -> bool:
    """Tell whether a picture of another format has no transparency by its header."""
    if content[8:12] != b"WEBP":
        return content[:2] in {b"\xff\xd8", b"BM"}  # the fourth byte of a BMP is seldom transparency
    if content[12:16] == b"VP8X":
        return not content[20] & 0x10
    return content[12:16] == b"VP8 " or not content[24] & 0x10  # VP8L: bit 28 behind the signature


class _RefusedError(Exception):
    """The values have no known full scale."""


def _read_png(content: bytes) -> PictureHeader:
    depth, colour_type = content[24], content[25]
    chunks = {name: content[at : at + length] for name, at, length in _iter_png_chunks(content)}
    is_deep = depth == 16
    significant = None
    if depth >= 8 and colour_type != _PNG_PALETTE and b"sBIT" in chunks:
        colours = chunks[b"sBIT"][:3] if colour_type & 2 else chunks[b"sBIT"][:1]
        significant = max(colours, default=0)
    if significant is not None and not 0 < significant < depth:
        significant = None
    values = None
    if is_deep or significant is not None:
        values = ValueRange(container=(1 << depth) - 1, significant_bits=significant)
    return PictureHeader(values, is_deep, bool(colour_type & _PNG_ALPHA) or b"tRNS" in chunks)


def _iter_png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and length of each chunk before the picture's data."""
    at = len(PNG_START)
    while at + 8 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if name == b"IDAT":
            return
        yield name, at + 8, length
        at += 12 + length


def _read_pnm(content: bytes, header: re.Match[bytes]) -> PictureHeader:
    """Return the header of a PNM; OpenCV does not scale by its largest value, and reads the first picture."""
    width, height, maxval = (int(number) for number in header.groups()[1:])
    if not 0 < maxval <= 0xFFFF:
        raise _RefusedError(f"the largest value is said to be {maxval}")
    container = 0xFF if maxval <= 0xFF else 0xFFFF
    picture_bytes = width * height * _PNM_SAMPLES.get(header[1], 0) * (1 if container == 0xFF else 2)
    end = header.end() + picture_bytes
    behind = content[end : end + _HEADER_BYTES]
    if picture_bytes and _PNM.match(behind.lstrip()):
        raise _RefusedError("several pictures in one file, each of which has to be a file of its own")
    values = ValueRange(container=container, white=None if maxval == container else maxval)
    return PictureHeader(None if maxval == 0xFF else values, is_deep=container == 0xFFFF)


def _read_jpeg_2000(depth: int) -> PictureHeader:
    """Return the header of a JPEG 2000; OpenCV scales depths of less than 16 bits."""
    bits = (depth & 0x7F) + 1
    if depth & 0x80 or not 8 <= bits <= 16:
        raise _RefusedError(f"JPEG 2000 with {'signed ' if depth & 0x80 else ''}values of {bits} bits")
    return PictureHeader(ValueRange() if bits == 16 else None, bits == 16, may_be_transparent=True)


def _read_tiff(page: TiffDirectory) -> PictureHeader:
    photometric = page.number(tiff.PHOTOMETRIC, _BLACK_IS_ZERO)
    all_bits = set(page.tags.get(tiff.BITS_PER_SAMPLE) or (1,))
    sample_format = page.number(tiff.SAMPLE_FORMAT, 1)
    samples = page.number(tiff.SAMPLES_PER_PIXEL, 1)
    bits = max(all_bits)
    if sample_format in _SAMPLE_FORMATS:
        raise _RefusedError(f"{_SAMPLE_FORMATS[sample_format]} values of {bits} bits have no full scale")
    if samples not in _TIFF_SAMPLES.get(photometric, ()):
        raise _RefusedError(
            f"TIFF with {samples} values a pixel of kind {photometric} (PhotometricInterpretation)"
        )
    is_deep = bits in _DEEP_BITS
    if len(all_bits) > 1 or not (is_deep or bits in {1, 4, 8}):
        raise _RefusedError(f"TIFF with values of {' and '.join(map(str, sorted(all_bits)))} bits")
    if is_deep and (photometric in {_PALETTE, _CMYK, _YCBCR} or _has_planes(page, samples)):
        raise _RefusedError(f"TIFF with {bits} bits as colour planes, palette, CMYK or YCbCr")
    alpha = bool(_ALPHA_SAMPLES & set(page.tags.get(tiff.EXTRA_SAMPLES, ())))
    return PictureHeader(_tiff_values(page, bits, photometric), is_deep, alpha)


def _has_planes(page: TiffDirectory, samples: int) -> bool:
    return samples > 1 and page.number(tiff.PLANAR_CONFIGURATION, 1) == 2


def _tiff_values(page: TiffDirectory, bits: int, photometric: int) -> ValueRange | None:
    """Return the range of a page's values; OpenCV shifts those of 10, 12 and 14 bits up to 16.

    MaxSampleValue may be a full scale or a statistic: the largest value that occurs. It counts as the scale
    where it is all ones in binary.
    """
    declared = max(page.tags.get(tiff.MAX_SAMPLE_VALUE) or (0,))
    is_scale = 0 < declared < (1 << bits) - 1 and not declared & (declared + 1)
    if bits == 8:
        return ValueRange(container=0xFF, white=declared) if is_scale and photometric in {1, 2} else None
    if bits not in _DEEP_BITS:
        return None
    white = declared << (16 - bits) if is_scale else 0xFFFF if bits < 16 else None
    return ValueRange(white=white, is_inverted=photometric == _WHITE_IS_ZERO)
