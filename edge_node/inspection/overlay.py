"""Outline on a picture what its corrosion map counts as corroded, and write text below.

Nothing is painted over the surface inside: people judge it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.inspection.corrosion_map import CORRODED_FROM
from edge_node.inspection.text_line import draw_text
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_node.view.recorded_view import RecordedView

_TEXT_HEIGHT_SHARE = 0.045  # of the picture's height, per line
_TEXT_GREY = 235
_LINE_BGR = (255, 40, 160)  # violet: no rust and no metal has this colour
_LINES_PER_HEIGHT = 160  # the outline is as wide as the picture is high, divided by this


class Marking(PlainStruct, frozen=True):
    """The corrosion map and the verdict's text, to be drawn on a picture.

    Attributes:
        corroded: probability of corrosion at each position of the camera's picture, float32
            ``(rows, columns)``, 0 to 1; or None.
        lines: the verdict as text.
        view: that was judged, if it is not the whole picture as it is.
        reasons: why the picture was kept; not drawn.
    """

    corroded: NDArray[np.float32] | None
    lines: tuple[str, ...]
    view: RecordedView | None = None
    reasons: tuple[str, ...] = ()


def draw_overlay(
    pixels: NDArray[np.uint8], probability: NDArray[np.float32] | None, lines: Sequence[str]
) -> NDArray[np.uint8]:
    """Return a copy of a picture with the map's corroded area outlined and lines of text below.

    Args:
        pixels: uint8 ``(height, width, 3)``, blue, green, red.
        probability: float32 ``(rows, columns)``, 0 to 1, or None to outline nothing.
        lines: the text; ASCII, other characters are shown as question marks.

    Returns:
        uint8 ``(height + text, width, 3)``.
    """
    height, width = pixels.shape[:2]
    picture = pixels if probability is None else _outline(pixels, probability)
    line_px = max(14, round(height * _TEXT_HEIGHT_SHARE))
    strip = np.full((line_px * len(lines) + line_px // 2, width, 3), 24, np.uint8)
    for at, line in enumerate(lines, start=1):
        draw_text(strip, line, (4, at * line_px), line_px=line_px, grey=_TEXT_GREY)
    return np.vstack([picture, strip]) if lines else picture.copy()


def _outline(pixels: NDArray[np.uint8], probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Outline the area that counts as corroded: from outside, so that the line covers none of it.

    Only where the area reaches the picture's edge, the line lies within.
    """
    height, width = pixels.shape[:2]
    smooth = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
    inside = (smooth >= CORRODED_FROM).astype(np.uint8)
    line_px = max(1, round(height / _LINES_PER_HEIGHT))
    around = cv2.dilate(inside, np.ones((3, 3), np.uint8), iterations=line_px)
    at_edge = np.ones_like(inside)
    at_edge[line_px:-line_px, line_px:-line_px] = 0
    outlined = pixels.copy()
    outlined[(around > inside) | (inside & at_edge).astype(bool)] = _LINE_BGR
    return np.asarray(outlined, np.uint8)
