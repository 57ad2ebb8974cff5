"""Draw the corrosion map over its picture, and text below."""

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
_TINT_BGR = (255, 40, 160)  # violet: no rust and no metal has this colour
_TINT_OPACITY = 0.4  # people must still see the surface below


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
    """Return a copy of a picture with the map drawn over it and lines of text below.

    Args:
        pixels: uint8 ``(height, width, 3)``, blue, green, red.
        probability: float32 ``(rows, columns)``, 0 to 1, or None to draw no map.
        lines: the text; ASCII, other characters are shown as question marks.

    Returns:
        uint8 ``(height + text, width, 3)``.
    """
    height, width = pixels.shape[:2]
    picture = pixels if probability is None else _draw_map(pixels, probability)
    line_px = max(14, round(height * _TEXT_HEIGHT_SHARE))
    strip = np.full((line_px * len(lines) + line_px // 2, width, 3), 24, np.uint8)
    for at, line in enumerate(lines, start=1):
        draw_text(strip, line, (4, at * line_px), line_px=line_px, grey=_TEXT_GREY)
    return np.vstack([picture, strip]) if lines else picture.copy()


def _draw_map(pixels: NDArray[np.uint8], probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Tint the picture where corrosion is probable, and outline the area that counts as corroded."""
    height, width = pixels.shape[:2]
    smooth = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
    opacity = np.clip(smooth * 2 - 0.5, 0, 1) * np.float32(_TINT_OPACITY)
    # OpenCV blends bytes; numpy would need several float64 copies of the picture.
    line = np.full((1, width, 3), _TINT_BGR, np.uint8)
    tint = np.repeat(line, height, axis=0)  # whole lines are copied: a tenth of the time of filling pixels
    tinted = cv2.blendLinear(pixels, tint, 1 - opacity, opacity)
    inside = (smooth >= CORRODED_FROM).astype(np.uint8)
    edges, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(tinted, edges, -1, _TINT_BGR, max(1, height // 240)), np.uint8)
