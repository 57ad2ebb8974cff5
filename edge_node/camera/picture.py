"""Read picture files whole and by their own full scale, or refuse them in a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera import tiff_header
from edge_node.camera.avif_header import is_avif, turn
from edge_node.camera.full_scale import to_eight_bits
from edge_node.camera.jpeg_header import JPEG_START, check_jpeg, picture_starts
from edge_node.camera.picture_header import PNG_START, read_header
from edge_node.camera.picture_size import read_declared_size
from edge_node.camera.refused_formats import RAW, refusal_of
from edge_node.camera.tiff_parts import find_fault
from edge_node.errors import ConfigError, UnreadablePictureError
from edge_node.plain_struct import PlainStruct
from edge_node.view.recorded_view import read_view, restore_view
from edge_node.view.view import ViewMisfitError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_node.camera.jpeg_header import JpegFrame
    from edge_node.camera.tiff_header import TiffDirectory
    from edge_node.view.view import View

# Names of files that are taken for pictures where their content is not looked at.
PICTURE_SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".bmp",
        ".webp",
        ".tif",
        ".tiff",
        ".jp2",
        ".pgm",
        ".ppm",
        ".pnm",
    }
)
MAX_FILE_BYTES = 256 * 1024 * 1024
# The largest industrial sensors have 150 megapixels; this one decodes to 600 MB.
MAX_PIXELS = 200_000_000
# Behind transparent pixels there is whatever the program left; more of them is no photograph of a surface.
MAX_TRANSPARENT_SHARE = 0.01

# A file system leaves zeros for what was not written when the power failed; it writes blocks. Where values
# are not compressed, a black area ends with zeros too: it counts from a block's beginning on, or if large.
_COMPRESSED = re.compile(rb"RIFF|.{4}(?:ftyp|jP  )|\xff\x4f\xff\x51", re.DOTALL)
_LEAST_ZERO_BYTES, _LEAST_BLACK_BYTES, _LEAST_BLACK_SHARE = 512, 2048, 1 / 3
_BLOCK_BYTES = 4096

_FIRST, _LAST = slice(8), slice(-8, None)  # lines or columns of a block of a JPEG
_NEARLY_BLACK, _NEARLY_WHITE = 8, 247
_MORE_SCAN = bytes(range(1, 251))  # no byte of it begins a marker

_PNG_END = b"IEND\xaeB`\x82"


class PicturePage(PlainStruct, frozen=True):
    """A picture of a file that may hold several: pages of a TIFF, frames of a multi-picture JPEG.

    Attributes:
        where: the file's name; with ``#`` and the page's number, from 1, where there are several.
        index: of the page, from 0; None where it is the only one.
        content: the whole file.
        start: of the page, in a JPEG.
        directory: of the page, in a TIFF.
    """

    _unshown = frozenset({"content"})

    where: str
    index: int | None
    content: bytes
    start: int = 0
    directory: TiffDirectory | None = None

    def decode(self) -> NDArray[np.uint8]:
        """Return the picture, uint8 ``(height, width, 3)``, channels blue, green, red.

        Raises:
            UnreadablePictureError: truncated, no picture, too large, transparent, or without a known full
                scale; the text begins with ``where``.
        """
        content, where = self._own_content(), self.where
        frame = None
        if content.startswith(JPEG_START):
            frame = _check_jpeg(content, where)
        elif content.startswith(PNG_START):
            _check_png(content, where)
        elif self.directory is not None and (fault := find_fault(content, self.directory)):
            raise UnreadablePictureError(f"{where}: {fault}")
        elif self.index is None:  # else a black page may be the last
            _check_end(content, where)
        header = read_header(content, self.directory, where)
        flags = cv2.IMREAD_COLOR | (cv2.IMREAD_ANYDEPTH if header.is_deep else 0)
        values = _decode(content, flags | (cv2.IMREAD_IGNORE_ORIENTATION if is_avif(content) else 0), where)
        if frame is not None:
            _check_scan(content, frame.end, values, where)
        if header.may_be_transparent:
            _check_opaque(content, where)
        if header.values is not None:
            return to_eight_bits(values, header.values, where)
        if values.dtype != np.uint8:
            raise UnreadablePictureError(f"{where}: {values.dtype} values; save the picture with 8 bits")
        pixels = np.asarray(values, dtype=np.uint8)
        return turn(pixels, content) if is_avif(content) else pixels

    def view(self) -> View | None:
        """Return the view that a robot recorded in its evidence: what it judged of this picture; or None.

        Raises:
            UnreadablePictureError: it is damaged; the text begins with ``where``.
        """
        try:
            recorded = read_view(self._own_content())
            return None if recorded is None else restore_view(recorded)
        except ConfigError as err:
            raise UnreadablePictureError(f"{self.where}: {err}") from err

    def _own_content(self) -> bytes:
        """Return the file, rewritten or cut so that a decoder finds this page first."""
        if self.directory is not None:
            return tiff_header.with_first_directory(self.content, self.directory.offset)
        return self.content[self.start :] if self.start else self.content


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return the picture in ``path``, uint8 ``(height, width, 3)``, channels blue, green, red.

    Raises:
        UnreadablePictureError: missing, empty, truncated, no picture, or too large.
    """
    content = read_content(path)
    return decode_picture(content, str(path))


def read_judged(path: Path) -> NDArray[np.uint8]:
    """Return what is judged of the picture in ``path``; see ``decode_judged``."""
    return decode_judged(read_content(path), str(path))


def decode_picture(content: bytes, where: str) -> NDArray[np.uint8]:
    """Return the one picture in ``content``, uint8 ``(height, width, 3)``, channels blue, green, red.

    Raises:
        UnreadablePictureError: as ``PicturePage.decode``, or several pictures.
    """
    pages = list_pages(content, where)
    if len(pages) > 1:
        raise UnreadablePictureError(f"{where}: holds {len(pages)} pictures; save each as a file of its own")
    return pages[0].decode()


def decode_judged(content: bytes, where: str) -> NDArray[np.uint8]:
    """Return what is judged of the one picture in ``content``: of a robot's evidence the recorded view.

    Raises:
        UnreadablePictureError: as ``decode_picture``, or the view is damaged or of another picture.
    """
    pixels, view = decode_picture(content, where), PicturePage(where, None, content).view()
    if view is None:
        return pixels
    try:
        return view.framing(pixels.shape[1], pixels.shape[0]).render(pixels)
    except ViewMisfitError as err:
        raise UnreadablePictureError(f"{where}: {err}") from err


def list_pages(content: bytes, where: str) -> tuple[PicturePage, ...]:
    """Return the pictures of a file, at least one; they are decoded one by one later.

    Raises:
        UnreadablePictureError: empty, truncated, too large, or of a format that is not read.
    """
    if not content:
        raise UnreadablePictureError(f"{where}: empty, wanted a picture")
    if refusal := refusal_of(content):
        raise UnreadablePictureError(f"{where}: {refusal}")
    if tiff_header.is_tiff(content):
        return _list_tiff(content, where)
    if size := read_declared_size(content):
        _check_size(*size, where)
    if not content.startswith(JPEG_START):
        return (PicturePage(where, None, content),)
    starts = picture_starts(content)
    if len(starts) == 1:
        return (PicturePage(where, None, content),)
    return tuple(
        PicturePage(f"{where}#{index + 1}", index, content, start) for index, start in enumerate(starts)
    )


def read_content(path: Path) -> bytes:
    """Return the bytes of a picture file.

    Raises:
        UnreadablePictureError: missing, no file, or too large.
    """
    try:
        if path.exists() and not path.is_file():
            raise UnreadablePictureError(f"{path}: no file but a directory or device; wanted a picture")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as err:  # ValueError: a NUL in the name
        reason = err.strerror if isinstance(err, OSError) and err.strerror else err
        raise UnreadablePictureError(f"{path}: {reason}") from err
    if len(content) > MAX_FILE_BYTES:
        raise UnreadablePictureError(f"{path}: more than {MAX_FILE_BYTES} bytes is no picture to inspect")
    return content


def _list_tiff(content: bytes, where: str) -> tuple[PicturePage, ...]:
    try:
        found = tuple(tiff_header.iter_directories(content))
    except ValueError as err:
        raise UnreadablePictureError(
            f"{where}: the TIFF is cut off, or damaged ({err}); copy it again"
        ) from err
    if not found:
        raise UnreadablePictureError(f"{where}: a TIFF without a picture")
    if any(tiff_header.holds_raw_values(content, directory) for directory in found):
        raise UnreadablePictureError(f"{where}: {RAW}")
    pages = tiff_header.pages_of(content, found)
    for page in pages:
        _check_size(page.number(tiff_header.WIDTH, 0), page.number(tiff_header.HEIGHT, 0), where)
    if len(pages) == 1:
        return (PicturePage(where, None, content, directory=pages[0]),)
    return tuple(
        PicturePage(f"{where}#{index + 1}", index, content, directory=page)
        for index, page in enumerate(pages)
    )


def _decode(content: bytes, flags: int, where: str) -> NDArray[np.uint8 | np.uint16]:
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as err:
        raise UnreadablePictureError(f"{where}: no picture that can be decoded ({err.err})") from err
    if pixels is None:
        raise UnreadablePictureError(
            f"{where}: no picture, or a damaged one; wanted JPEG, PNG, TIFF, WebP, BMP, JPEG 2000 or AVIF"
        )
    return np.asarray(pixels)


def _check_opaque(content: bytes, where: str) -> None:
    """Raise where a part of the picture is transparent: nobody knows what was to be seen there."""
    values = _decode(content, cv2.IMREAD_UNCHANGED, where)
    if values.ndim == 3 and values.shape[2] == 4:
        share = float(np.mean(values[..., 3] < np.iinfo(values.dtype).max))
        if share > MAX_TRANSPARENT_SHARE:
            raise UnreadablePictureError(
                f"{where}: {share:.0%} of the picture is transparent; save it without transparency"
            )


def _check_end(content: bytes, where: str) -> None:
    """Raise where zeros stand for the end of a picture whose format has no end mark."""
    if content[-_LEAST_ZERO_BYTES:].strip(b"\0"):
        return
    kept = len(content.rstrip(b"\0"))
    zeros = len(content) - kept
    is_compressed = _COMPRESSED.match(content) is not None
    is_lost = zeros >= _LEAST_BLACK_SHARE * len(content) or kept % _BLOCK_BYTES == 0
    if is_compressed or (zeros >= _LEAST_BLACK_BYTES and is_lost):
        raise UnreadablePictureError(
            f"{where}: from byte {kept:,} of {len(content):,} on it holds only zeros: cut off; copy it again"
        )


def _check_size(width: int, height: int, where: str) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadablePictureError(
            f"{where}: {width} x {height} pixels, at most {MAX_PIXELS // 1_000_000} million are read"
        )


def _check_png(content: bytes, where: str) -> None:
    if _PNG_END not in content:
        raise UnreadablePictureError(f"{where}: the PNG is cut off: it has no end chunk; copy it again")
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    _check_size(width, height, where)


def _check_jpeg(content: bytes, where: str) -> JpegFrame | None:
    frame = check_jpeg(content, where)
    if frame is not None:
        _check_size(frame.width, frame.height, where)
        if frame.bits != 8:
            raise UnreadablePictureError(f"{where}: a JPEG of {frame.bits} bits is not read; save it with 8")
    return frame


def _check_scan(content: bytes, end: int, pixels: NDArray[np.uint8 | np.uint16], where: str) -> None:
    """Raise where the picture data of a JPEG end too early: a bus, or a copy, lost packets.

    The decoder fills the rest with one colour. Where an edge has one, as frames around pictures seldom have,
    the picture is decoded again with further data before the end marker: a whole one stays as it is.
    """
    edges = (pixels[_LAST], pixels[:, _LAST], pixels[_FIRST], pixels[:, _FIRST])
    if any(_is_even(edge) for edge in edges):
        longer = _decode(content[:end] + _MORE_SCAN + content[end:], cv2.IMREAD_COLOR, where)
        if not np.array_equal(longer, pixels):
            raise UnreadablePictureError(
                f"{where}: the JPEG is damaged: its picture data end early; copy it again"
            )


def _is_even(edge: NDArray[np.uint8 | np.uint16]) -> bool:
    """Tell whether an edge has one colour that is neither black nor white."""
    colour = edge[0, 0]
    is_grey = bool(colour.max() > _NEARLY_BLACK and colour.min() < _NEARLY_WHITE)
    return is_grey and bool((edge == colour).all())
