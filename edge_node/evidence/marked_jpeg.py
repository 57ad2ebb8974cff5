"""Embed the corrosion map and the verdict's text in a JPEG, without changing its pixels. Pure.

People look at evidence and models are trained on it. So the pixels stay as the camera gave them; map and
text go into an APP9 segment, which other readers skip, and the overlay is drawn from it on demand. The map is
one of the camera's picture; the view that was judged goes beside it, in numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from edge_node.inspection.grades import may_be_shown
from edge_node.inspection.overlay import Marking, draw_overlay
from edge_node.view.jpeg_segments import insert_segments, iter_segments
from edge_node.view.recorded_view import embed_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAME = b"corrosion/v1 marking\0"
_MAX_CELLS = 96  # along a side: 9,216 bytes, 12 kB as text; the maps themselves have 7 to 60
_MAX_LINES, _MAX_LINE_LENGTH = 16, 500
_MAX_REASONS, _MAX_REASON_LENGTH = 16, 40


class _EncodedMarking(msgspec.Struct):
    """A marking as it is encoded in the file: the map in steps of 1/255, row by row."""

    rows: int
    columns: int
    corroded: bytes
    lines: tuple[str, ...]
    reasons: tuple[str, ...] = ()


def embed_marking(jpeg: bytes, marking: Marking) -> bytes:
    """Return ``jpeg`` with ``marking`` in an APP9 segment.

    Raises:
        ValueError: it is no JPEG.
    """
    marked = insert_segments(jpeg, _NAME, msgspec.json.encode(_encode(marking)))
    return marked if marking.view is None else embed_view(marked, marking.view)


def read_marking(jpeg: bytes) -> Marking | None:
    """Return the marking in a JPEG; None if there is none or it is damaged."""
    content = next(iter_segments(jpeg, _NAME), None)
    return None if content is None else _decode(content)


def draw_marking(jpeg: bytes, *, at_most_px: int | None = None) -> NDArray[np.uint8] | None:
    """Return a picture with map and text drawn, uint8 ``(height, width, 3)``; None if it cannot be decoded.

    A picture without a marking is returned as it is.

    Args:
        jpeg: the picture with its marking.
        at_most_px: longer side of the result, text included; None for the picture's own size. The picture
            is shrunk before anything is drawn: that is quicker, and keeps the text legible.
    """
    decoded = _decode_picture(np.frombuffer(jpeg, np.uint8), at_most_px)
    if decoded is None:
        return None
    pixels = _shrink(decoded, at_most_px)
    marking = read_marking(jpeg)
    if marking is None:
        return pixels
    return _shrink(draw_overlay(pixels, marking.corroded, marking.lines), at_most_px)


def _decode_picture(jpeg: NDArray[np.uint8], at_most_px: int | None) -> NDArray[np.uint8] | None:
    """Return the picture, or one half as large where that is large enough: it takes half the time."""
    if at_most_px is not None:
        half = cv2.imdecode(jpeg, cv2.IMREAD_REDUCED_COLOR_2)
        if half is None or max(half.shape) >= at_most_px:
            return None if half is None else np.asarray(half, np.uint8)
    whole = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    return None if whole is None else np.asarray(whole, np.uint8)


def _shrink(pixels: NDArray[np.uint8], at_most_px: int | None) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    if at_most_px is None or max(height, width) <= at_most_px:
        return pixels
    scale = at_most_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encode(marking: Marking) -> _EncodedMarking:
    rows, columns, content = 0, 0, b""
    if marking.corroded is not None:
        rows, columns = (min(size, _MAX_CELLS) for size in marking.corroded.shape)
        cells = cv2.resize(marking.corroded, (columns, rows), interpolation=cv2.INTER_AREA)
        content = np.rint(np.clip(cells, 0, 1) * 255).astype(np.uint8).tobytes()
    lines = tuple(line[:_MAX_LINE_LENGTH] for line in marking.lines[:_MAX_LINES])
    return _EncodedMarking(rows, columns, content, lines, marking.reasons)


def _decode(content: bytes) -> Marking | None:
    try:
        stored = msgspec.json.decode(content, type=_EncodedMarking)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    lines = tuple(
        line[:_MAX_LINE_LENGTH] for line in stored.lines[:_MAX_LINES] if may_be_shown(line, stored.lines[0])
    )
    reasons = tuple(reason[:_MAX_REASON_LENGTH] for reason in stored.reasons[:_MAX_REASONS])
    if stored.rows == stored.columns == len(stored.corroded) == 0:
        return Marking(None, lines, reasons=reasons)
    sizes_hold = 0 < stored.rows <= _MAX_CELLS and 0 < stored.columns <= _MAX_CELLS
    if not sizes_hold or len(stored.corroded) != stored.rows * stored.columns:
        return None
    cells = np.frombuffer(stored.corroded, np.uint8).reshape(stored.rows, stored.columns)
    return Marking(np.asarray(cells / 255, np.float32), lines, reasons=reasons)
