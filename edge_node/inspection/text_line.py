"""Draw a line of text on a picture, from a strip of glyphs that lies beside this module.

OpenCV's own ``putText`` keeps 8 MB of fonts and code in memory from version 5 on, for a line below a picture.
The glyphs are those of its FONT_HERSHEY_SIMPLEX, drawn by version 4.10 at scale 1
and thickness 2, which keeps them legible when they are made smaller.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIP = Path(__file__).with_name("glyphs.png")
_FIRST, _UNKNOWN = " ", "?"
_BASELINE_SHARE = 0.75  # of a glyph's height lies above the line that letters stand on
# Of the printable characters of ASCII, in their order.
_WIDTHS_PX = (
    *(16, 10, 16, 22, 20, 24, 26, 8, 14, 14, 16, 26, 10, 26, 10, 22, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20),
    *(10, 10, 24, 26, 24, 18, 29, 18, 21, 21, 21, 19, 18, 21, 22, 8, 16, 21, 17, 24, 22, 22, 21, 22, 21, 20),
    *(16, 22, 18, 24, 20, 18, 20, 14, 22, 14, 22, 18, 12, 19, 19, 18, 19, 18, 12, 19, 19, 8, 10, 17, 8, 30),
    *(19, 19, 19, 19, 13, 17, 12, 19, 16, 22, 17, 16, 17, 14, 8, 14, 24),
)


def draw_text(
    pixels: NDArray[np.uint8], line: str, place_px: tuple[int, int], *, line_px: int, grey: int
) -> None:
    """Draw a line into a picture; in smaller letters where it would not fit, and cut at the picture's edge.

    Args:
        pixels: uint8 ``(height, width, 3)``; it is changed.
        line: the text; each character that is not ASCII is shown as a question mark.
        place_px: the column where it begins, and the row on which its letters stand.
        line_px: height of a line.
        grey: of the letters, 0 to 255.
    """
    glyphs = _glyphs()
    known = [glyphs.get(character, glyphs[_UNKNOWN]) for character in line]
    if not known:
        return
    drawn, (left_px, baseline_px) = np.hstack(known), place_px
    scale = min(line_px / len(drawn), (pixels.shape[1] - 2 * left_px) / drawn.shape[1])
    size = (max(1, round(drawn.shape[1] * scale)), max(1, round(len(drawn) * scale)))
    shape = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    opacity = np.asarray(cv2.resize(drawn, size, interpolation=shape), np.float32)[..., np.newaxis] / 255
    top_px = max(0, baseline_px - round(len(opacity) * _BASELINE_SHARE))
    below = pixels[top_px : top_px + len(opacity), left_px : left_px + opacity.shape[1]]
    opacity = opacity[: below.shape[0], : below.shape[1]]
    below[:] = np.rint(below + (np.float32(grey) - below) * opacity)


@lru_cache(maxsize=1)
def _glyphs() -> dict[str, NDArray[np.uint8]]:
    strip = np.asarray(cv2.imdecode(np.fromfile(_STRIP, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    ends = np.cumsum(_WIDTHS_PX)
    return {
        chr(ord(_FIRST) + at): strip[:, end - width : end]
        for at, (end, width) in enumerate(zip(ends, _WIDTHS_PX, strict=True))
    }
