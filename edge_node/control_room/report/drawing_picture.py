"""Render the drawing of an asset with marks on it, as a PNG for a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST_PX = 2400  # on a page of A4 that is 200 dots to the inch
_RADIUS = 0.011  # of the longer side
_UNKNOWN, _INK = (160, 60, 110), (255, 255, 255)  # BGR
# From the least severity to the worst; what has none is _UNKNOWN.
_TONES = ((184, 127, 47), (0, 100, 168), (5, 45, 176))


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """A mark on a drawing.

    Attributes:
        at: pixel of the drawing.
        text: a few characters, such as the number of a row of the report.
        rank: of the severity, 0 to 1; None where it has none.
        line: pixels along which it reaches; may be empty.
    """

    at: tuple[float, float]
    text: str
    rank: float | None = None
    line: tuple[tuple[float, float], ...] = ()


def render_drawing(content: bytes, marks: list[DrawnMark]) -> bytes:
    """Return the drawing as a PNG of at most 2400 px with its marks, the worst on top.

    Args:
        content: a PNG that the control room has checked.
        marks: with pixels of that PNG.
    """
    sheet = _read(content)
    longest = max(sheet.shape[:2])
    scale = min(1.0, _LONGEST_PX / longest)
    if scale < 1:
        sheet = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
    radius = max(6, round(_RADIUS * longest * scale))
    for mark in sorted(marks, key=lambda mark: -1.0 if mark.rank is None else mark.rank):
        _draw_mark(sheet, mark, scale, radius)
    return bytes(cv2.imencode(".png", sheet)[1].tobytes())


def _read(content: bytes) -> NDArray[np.uint8]:
    """Return the picture in colour, on white where it is transparent."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError("the drawing is no picture that can be read")
    if picture.dtype == np.uint16:
        picture = cv2.convertScaleAbs(picture, alpha=1 / 257)
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR).astype(np.uint8)
    if picture.shape[2] == 4:
        share = picture[..., 3:].astype(np.float32) / 255
        return np.asarray(np.rint(picture[..., :3] * share + 255 * (1 - share)), dtype=np.uint8)
    return np.ascontiguousarray(picture).astype(np.uint8)


def _draw_mark(sheet: NDArray[np.uint8], mark: DrawnMark, scale: float, radius: int) -> None:
    colour = _UNKNOWN if mark.rank is None else _TONES[min(2, round(mark.rank * 2))]
    if len(mark.line) > 1:
        points = np.array([(round(x * scale), round(y * scale)) for x, y in mark.line], np.int32)
        cv2.polylines(sheet, [points], False, colour, max(2, radius // 2), cv2.LINE_AA)
    centre = round(mark.at[0] * scale), round(mark.at[1] * scale)
    cv2.circle(sheet, centre, radius + 2, _INK, -1, cv2.LINE_AA)
    cv2.circle(sheet, centre, radius, colour, -1, cv2.LINE_AA)
    size = radius / 16 * (0.6 if len(mark.text) > 2 else 0.8)
    (wide, high), _ = cv2.getTextSize(mark.text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    at = centre[0] - wide // 2, centre[1] + high // 2
    cv2.putText(sheet, mark.text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, max(1, radius // 9), cv2.LINE_AA)
