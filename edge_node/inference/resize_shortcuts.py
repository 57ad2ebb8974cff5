"""Resize pictures to the same bytes in less time, where this OpenCV and this processor are found to. Pure.

Whether they do is found out on the machine, once for each size of pictures: OpenCV's remap rounds as NumPy
does from version 5 on, but not in all sizes; a matrix product halves the time of an area resize on x86-64,
but may be slower elsewhere.
"""

from __future__ import annotations

import threading
import time
from math import gcd
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Bytes: TypeAlias = NDArray[np.uint8]
    Way: TypeAlias = Callable[[Bytes], Bytes]

# The check costs as much as resizing so many pictures; a folder of mixed sizes seldom has as many of one.
CHECKED_AT = 20
# Random values are rounded differently ten times as often as those of photographs, and one in a million is
# in most sizes whose remap is not equal: eight pictures of 224 x 224 pixels have 1.2 million.
_CHECKED_PICTURES = 8
_MAX_BLOCK_PX = 16  # wider blocks multiply mostly zeros
# Of one matrix product: beyond this OpenBLAS would start threads, which spin; and the values of so small a
# strip of the picture stay in the processor's cache.
_MAX_PRODUCTS = 2**18


class ProvedResize:
    """Resize pictures of one size by a known way, until a shortcut gave the same bytes in less time."""

    def __init__(self, source: tuple[int, int], known: Way, shortcut: Way | None) -> None:
        """Begin with the known way.

        Args:
            source: height and width of the pictures.
            known: resizes a contiguous or other picture.
            shortcut: resizes a contiguous picture; None if there is none for this size.
        """
        self._source = source
        self._known = self._way = known
        self._shortcut = shortcut
        self._seen = 0

    def __call__(self, pixels: Bytes) -> Bytes:
        """Return the picture in the other size."""
        if self._shortcut is not None:
            self._seen += 1
            if self._seen == CHECKED_AT:
                self.check()
        return self._way(pixels)

    def check(self) -> bool:
        """Compare the two ways on random pictures, and return whether the shortcut is used from now on."""
        shortcut, self._shortcut = self._shortcut, None
        if shortcut is not None and self._is_equal_and_quicker(shortcut):
            self._way = lambda pixels: shortcut(np.ascontiguousarray(pixels))
            return True
        return False

    def _is_equal_and_quicker(self, shortcut: Way) -> bool:
        size = self._source[0] * self._source[1] * 3
        values = np.random.default_rng(1).bytes(size + _CHECKED_PICTURES)
        known_s, shortcut_s = [], []
        for shift in range(_CHECKED_PICTURES):
            pixels = np.frombuffer(values, np.uint8, size, shift).reshape(*self._source, 3)
            started_s = time.thread_time()
            wanted = self._known(pixels)
            between_s = time.thread_time()
            found = shortcut(pixels)
            shortcut_s.append(time.thread_time() - between_s)
            known_s.append(between_s - started_s)
            if not np.array_equal(wanted, found):
                return False
        return min(shortcut_s) < min(known_s)


def make_remap_shortcut(down: NDArray[np.float32], across: NDArray[np.float32]) -> Way:
    """Return OpenCV's bilinear remap to a grid of source positions, in lines and columns."""
    shape = (len(down), len(across))
    x = np.ascontiguousarray(np.broadcast_to(across[np.newaxis], shape))
    y = np.ascontiguousarray(np.broadcast_to(down[:, np.newaxis], shape))

    def remap(pixels: Bytes) -> Bytes:
        found = cv2.remap(pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.uint8)

    return remap


def make_area_shortcut(source: tuple[int, int], target: tuple[int, int]) -> Way | None:
    """Return OpenCV's area resize as a sum of lines and a matrix product; None where that is not exact.

    A block of source pixels gives a block of target pixels: 8 give 3 from 640 to 240 columns. All weights are
    sixteenths there, so float32 holds every sum exactly, whatever the order of its terms, and the result is
    rounded half to even as in OpenCV. Where OpenCV has a quick way of its own, or where lines would have to
    be split too, there is none.
    """
    lines, rest = divmod(source[0], target[0])
    across = gcd(source[1], target[1])
    block, gives = source[1] // across, target[1] // across
    if rest or gives == 1 or block > _MAX_BLOCK_PX or not (_is_power_of_2(block) and _is_power_of_2(lines)):
        return None
    weights = np.kron(_area_weights(block, gives) / np.float32(lines), np.eye(3, dtype=np.float32))
    return _BlockResize(weights, lines, target, source[1] * 3).resize


class _BlockResize:
    """Add groups of lines, multiply their blocks of pixels by weights, and round."""

    def __init__(
        self, weights: NDArray[np.float32], lines: int, target: tuple[int, int], row_values: int
    ) -> None:
        """Prepare.

        Args:
            weights: ``(block * 3, gives * 3)``.
            lines: of a group.
            target: height and width of the result.
            row_values: of a source line.
        """
        products = target[0] * row_values * weights.shape[1]
        strips = next(
            count
            for count in range(1, target[0] + 1)
            if target[0] % count == 0 and (count == target[0] or products <= count * _MAX_PRODUCTS)
        )
        self._weights = weights
        self._grouped = (strips, target[0] // strips, lines, row_values)
        self._target = target
        self._sums = np.empty((target[0] // strips, row_values), np.float32)
        self._blocks = self._sums.reshape(-1, len(weights))
        self._products = np.empty((len(self._blocks), weights.shape[1]), np.float32)
        self._lock = threading.Lock()

    def resize(self, pixels: Bytes) -> Bytes:
        """Return the smaller picture."""
        groups = pixels.reshape(self._grouped)
        result = np.empty((self._grouped[0], *self._products.shape), np.uint8)
        with self._lock:  # the buffers are kept: allocating megabytes anew costs as much as the sums
            for strip, rounded in zip(groups, result, strict=True):
                np.copyto(self._sums, strip[:, 0])
                for line in range(1, strip.shape[1]):
                    cv2.accumulate(strip[:, line], self._sums)
                np.matmul(self._blocks, self._weights, out=self._products)
                cv2.convertScaleAbs(self._products, rounded)
        return result.reshape(*self._target, 3)


def _area_weights(block: int, gives: int) -> NDArray[np.float32]:
    """Return the share of each source pixel in each target pixel, ``(block, gives)``."""
    starts = np.arange(block)[:, np.newaxis] * gives  # in parts of which a source pixel has `gives`
    cells = np.arange(gives)[np.newaxis] * block
    overlap = np.minimum(starts + gives, cells + block) - np.maximum(starts, cells)
    return np.asarray(np.maximum(overlap, 0) / block, np.float32)


def _is_power_of_2(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0
