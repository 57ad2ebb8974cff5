"""Hold which pixels of a view count, and what that is at other sizes. Pure."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNTS = 255
_REACH = np.ones((3, 3), np.uint8)  # of the filters that measure sharpness


class CountedPixels:
    """Which pixels of a picture count: not masked, and inside the camera's picture.

    Whatever is asked for is kept, because every frame asks the same. Several threads may ask.

    Attributes:
        mask: uint8 ``(height, width)``: 255 counts, 0 does not.
        count: of the pixels that count.
    """

    def __init__(self, mask: NDArray[np.uint8]) -> None:
        self.mask = mask
        self.count = int(cv2.countNonZero(mask))
        self._shares: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._whole: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._inner: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._parts: dict[tuple[int, int, int, int], CountedPixels] = {}

    @cached_property
    def transposed(self) -> CountedPixels:
        """The same with lines for columns."""
        return CountedPixels(np.ascontiguousarray(self.mask.T))

    @property
    def share(self) -> float:
        """The share of the pixels that count."""
        return self.count / self.mask.size

    def shares(self, rows: int, columns: int) -> NDArray[np.float32]:
        """Return for each cell of a grid over the picture which share of it counts."""
        if (rows, columns) not in self._shares:
            mean = cv2.resize(self.mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
            self._shares[rows, columns] = np.asarray(mean / COUNTS, np.float32)
        return self._shares[rows, columns]

    def whole(self, rows: int, columns: int) -> NDArray[np.uint8]:
        """Return the mask of the picture at another size: pixels of which all counts."""
        if (rows, columns) not in self._whole:
            self._whole[rows, columns] = (self.shares(rows, columns) > 1 - 1e-4).astype(np.uint8) * COUNTS
        return self._whole[rows, columns]

    def inner(self, rows: int, columns: int) -> NDArray[np.uint8]:
        """Return those of ``whole`` whose neighbours are too: an edge there is the picture's, no mask's.

        Where a mask is so fine that there are none, all that are whole, or else all that count partly.
        """
        if (rows, columns) not in self._inner:
            whole = self.whole(rows, columns)
            outside = cv2.copyMakeBorder(whole, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(COUNTS,))
            inner = np.asarray(cv2.erode(outside, _REACH)[1:-1, 1:-1], np.uint8).copy()
            partly = (self.shares(rows, columns) > 0).astype(np.uint8) * COUNTS
            self._inner[rows, columns] = next((m for m in (inner, whole, partly) if m.any()), whole)
        return self._inner[rows, columns]

    def part(self, left: int, top: int, width: int, height: int) -> CountedPixels:
        """Return the same of a part of the picture, in its pixels."""
        at = (left, top, width, height)
        if at not in self._parts:
            self._parts[at] = CountedPixels(
                np.ascontiguousarray(self.mask[top : top + height, left : left + width])
            )
        return self._parts[at]
