"""Detect a stream that repeats one picture: a hung encoder still sends frames, but they are old.

Only what is judged is looked at: a clock that the camera writes into a masked corner moves in a frozen
picture too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.camera.frame import Frame
    from edge_node.view.view import View

# Every eighth pixel of every eighth line: sensor noise alone changes some of 4800 at 640 x 480.
_SAMPLE_STEP = 8
_MIN_POINTS = 300  # of a small view every pixel is taken, if need be
# Two equal frames may be one that was sent twice at a doubled rate.
_MIN_REPEATS = 3


class FrozenStreamDetector:
    """Detect that frames have been equal bit by bit for longer than ``after_ms``."""

    def __init__(self, after_ms: int, view: View | None = None) -> None:
        self._after_ns = after_ms * 1_000_000
        self._view = view
        self._points: tuple[tuple[int, int], tuple[NDArray[np.intp], ...]] | None = None
        self._sample = b""
        self._repeats = 0
        self._since_ns = 0

    def sees_repetition(self, frame: Frame) -> bool:
        """Compare the next frame with the last; True while the stream counts as frozen."""
        sample = self._sampled(frame.pixels).tobytes()
        if sample != self._sample:
            self._sample, self._repeats, self._since_ns = sample, 0, frame.captured_at_ns
            return False
        self._repeats += 1
        return self._repeats >= _MIN_REPEATS and frame.captured_at_ns - self._since_ns >= self._after_ns

    def _sampled(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return some pixels of the picture, of those that are judged."""
        height, width = pixels.shape[:2]
        if self._view is None or self._view.misfit(width, height):
            return pixels[::_SAMPLE_STEP, ::_SAMPLE_STEP]
        if self._points is None or self._points[0] != (height, width):
            self._points = (height, width), _choose_points(self._view, height, width)
        return np.asarray(pixels[self._points[1]])

    def repeated_ms(self, frame: Frame) -> float:
        """Return for how long the frames have been equal."""
        return (frame.captured_at_ns - self._since_ns) / 1e6


def _choose_points(view: View, height: int, width: int) -> tuple[NDArray[np.intp], ...]:
    """Return rows and columns of pixels that are judged, the fewer the larger the view is."""
    framing, mask = view.framing(width, height), view.settings.mask
    points: tuple[NDArray[np.intp], ...] = ()
    for step in (_SAMPLE_STEP, _SAMPLE_STEP // 2, 2, 1):
        rows, columns = -(-height // step), -(-width // step)
        cells = np.nonzero(framing.footprint(rows, columns))
        down, across = (
            (2 * cell + 1) * side // (2 * count)
            for cell, side, count in zip(cells, (height, width), (rows, columns), strict=True)
        )
        counts = np.full(len(down), True) if mask is None else mask[down, across] > 0
        points = (down[counts], across[counts])
        if len(points[0]) >= _MIN_POINTS:
            break
    return points
