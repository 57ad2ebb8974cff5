"""Compare a picture with one before it: is there something new, beyond noise, flicker and exposure? Pure.

Pictures are compared as the mean colours of a grid of cells, and by the detail between them. The noise of
each cell is learned from the stream: what differs from one frame to the next without any structure is noise,
what moves has structure. Each row of cells may become brighter or darker by a little: lamps flicker in bands
under a rolling shutter, and cameras adjust their exposure.

**How the thresholds were chosen.** Photographs of metal were given sensor noise and JPEG as small cameras
have them. At a noise of 4 levels and a JPEG quality of 80, no cell of 1200 differs by more than 3.1; a patch
of rust of 3 % of the picture makes 30 cells differ by more than 8, and a shift by 4 pixels 130 cells by more
than 6. ``tests/benchmarks/judge_changed.py`` prints what is judged of such streams, and at which cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Pictures are halved until their shorter side is below twice this: halves are quick, and 1200 cells are left.
LEAST_LINES = 96
CELL = 4  # points of the halved picture along the side of a cell
MOST_TILES = 2  # for more tiles along a side, pictures are compared as for so many: finer is dear

CELL_LEVELS = 4.0  # a cell that differs by less is the same, whatever the noise
CELL_NOISE = 6.0  # or by less than so many standard deviations of its noise
LEAST_CELLS = 3  # so many cells must differ
SPOT = 3.0  # or one by so many times its threshold
DETAIL_LEVELS = 2.0  # root mean square of what differs in the whole picture, in grey levels
DETAIL_NOISE = 1.5  # or so many times what differs from frame to frame
LIGHT = 0.15  # a row may be darker or brighter by this share: flicker and exposure; a lamp changes more
_DARK_LEVELS = 4.0  # added to both sides of a ratio of brightness, so that black has one

# Learning the noise. JPEG and sensor noise are independent between cells; what moves is not, unless it is as
# fine as blasted steel that passes by fast: then the one picture has nothing of the other's detail.
_WHITE = 0.2  # greatest correlation of neighbouring cells in a difference that is noise
_SAME = 0.3  # least correlation of the detail of two pictures of one place
_MOST_NOISE = 3.0  # standard deviation of a cell's noise that is believed
_SPEED = 1 / 16  # weight of a new difference
_LEARN_EVERY = 4  # frames


class Region(PlainStruct, frozen=True):
    """The part of a picture that counts: a rectangle, and which points in it do.

    Attributes:
        rows: of the picture.
        columns: of the picture.
        counted: uint8 of any size over the rectangle: 255 where it counts; None: everywhere.
    """

    rows: slice
    columns: slice
    counted: NDArray[np.uint8] | None = None


class Signature(PlainStruct, frozen=True):
    """What of a picture is compared.

    Attributes:
        cells: mean blue, green and red of each cell, float32 ``(rows, columns, 3)``.
        light: mean brightness of each cell, float32 ``(rows, columns)``.
        grey: the halved picture, float32 ``(CELL * rows, CELL * columns)``.
    """

    cells: NDArray[np.float32]
    light: NDArray[np.float32]
    grey: NDArray[np.float32]


class PictureComparison:
    """Sign pictures of one stream, learn their noise, and tell whether one is new against another."""

    def __init__(self, tiles: int = 1) -> None:
        """Compare pictures as finely as ``tiles`` along a side need it."""
        self._lines = LEAST_LINES * min(tiles, MOST_TILES)
        self._before: Signature | None = None
        self._count = 0
        self._cell_variance: NDArray[np.float32] | None = None
        self._detail_variance = 0.0

    def sign(self, pixels: NDArray[np.uint8], region: Region | None = None) -> Signature:
        """Return the signature of a picture, uint8 ``(height, width, 3)``; 0.2 ms at 640 x 480.

        Args:
            pixels: the picture.
            region: which of it counts; None: all.
        """
        small = _halve(pixels if region is None else pixels[region.rows, region.columns], self._lines)
        rows, columns = max(1, small.shape[0] // CELL), max(1, small.shape[1] // CELL)
        size = (CELL * columns, CELL * rows)
        if small.shape[1::-1] != size:
            small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)
        grey, values = np.float32(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)), np.float32(small)
        counted = region.counted if region is not None else None
        if counted is not None:
            inside = np.float32(cv2.resize(counted, size, interpolation=cv2.INTER_AREA) == 255)
            share = cv2.resize(inside, (columns, rows), interpolation=cv2.INTER_AREA)
            grey, values = grey * inside, values * inside[..., np.newaxis]
        cells = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns, 3)
        if counted is not None:
            cells = cells / np.maximum(share, 1 / CELL**2).reshape(rows, columns, 1)
        return Signature(cells, cells.mean(axis=2), grey)

    def learn(self, signature: Signature) -> None:
        """Learn the noise from the next frame of the stream; call with each, whatever becomes of it."""
        self._count += 1
        if self._count % _LEARN_EVERY > 1:
            return
        before, self._before = self._before, signature
        if self._count % _LEARN_EVERY != 1 or before is None or before.grey.shape != signature.grey.shape:
            return
        cells, detail = _differ(before, signature)
        if _has_structure(cells) or not _shows_the_same(before, signature):
            return
        variance = np.minimum((cells * cells).max(axis=2) / 2, _MOST_NOISE**2)
        if self._cell_variance is None or self._cell_variance.shape != variance.shape:
            self._cell_variance, self._detail_variance = variance, detail**2 / 2
            return
        self._cell_variance += _SPEED * (variance - self._cell_variance)
        self._detail_variance += _SPEED * (detail**2 / 2 - self._detail_variance)

    def is_new(self, signature: Signature, reference: Signature) -> bool:
        """Return whether a picture shows something that the reference does not."""
        if signature.grey.shape != reference.grey.shape:
            return True
        cells, detail = _differ(reference, signature)
        threshold, most_detail = self._thresholds(signature)
        excess = np.abs(cells).max(axis=2) / threshold
        return bool(
            np.count_nonzero(excess > 1) >= LEAST_CELLS or excess.max() > SPOT or detail > most_detail
        )

    def _thresholds(self, signature: Signature) -> tuple[NDArray[np.float32] | float, float]:
        variance = self._cell_variance
        if variance is None or variance.shape != signature.light.shape:
            return CELL_LEVELS, DETAIL_LEVELS
        # Two pictures differ by the noise of both.
        noise = np.sqrt(2 * np.maximum(variance, float(variance.mean())))
        detail_noise = min(float(np.sqrt(2 * self._detail_variance)), 2 * _MOST_NOISE)
        return np.maximum(CELL_LEVELS, CELL_NOISE * noise), max(DETAIL_LEVELS, DETAIL_NOISE * detail_noise)


def find_region(footprint: NDArray[np.uint8], width: int, height: int) -> Region:
    """Return the region of a picture of this size that counts.

    Args:
        footprint: uint8 of any size over the picture: 255 where any of it counts.
        width: of the picture, px.
        height: of the picture, px.
    """
    # Points on the border count in part: what moves beside the region would show in them.
    inside = cv2.erode(footprint, np.ones((3, 3), np.uint8))
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return Region(slice(0, height), slice(0, width))
    top, bottom, left, right = (int(at) for at in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
    counted = np.asarray(inside[top:bottom, left:right], np.uint8)
    return Region(
        slice(top * height // len(inside), bottom * height // len(inside)),
        slice(left * width // inside.shape[1], right * width // inside.shape[1]),
        None if counted.all() else np.ascontiguousarray(counted),
    )


def _halve(pixels: NDArray[np.uint8], lines: int) -> NDArray[np.uint8]:
    """Return a picture halved until its shorter side is below twice ``lines``."""
    while min(pixels.shape[:2]) >= 2 * lines:
        size = (pixels.shape[1] // 2, pixels.shape[0] // 2)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels


def _differ(before: Signature, after: Signature) -> tuple[NDArray[np.float32], float]:
    """Return by how much each cell differs, and the root mean square of all detail, apart from light.

    What follows the light of its row in part is the same too: what is clipped, or in another lamp's light.
    """
    ratio = (after.light + _DARK_LEVELS) / (before.light + _DARK_LEVELS)
    light = np.clip(np.median(ratio, axis=1), 1 - LIGHT, 1 + LIGHT).astype(np.float32)[:, np.newaxis]
    cells = _beyond(after.cells, before.cells, before.cells * light[..., np.newaxis])
    detail = _beyond(after.grey, before.grey, before.grey * np.repeat(light, CELL, axis=0))
    return cells, float(np.sqrt(np.mean(detail * detail)))


def _beyond(
    values: NDArray[np.float32], one: NDArray[np.float32], other: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return how far each value lies outside of the two bounds; 0 between them."""
    return values - np.clip(values, np.minimum(one, other), np.maximum(one, other))


def _shows_the_same(before: Signature, after: Signature) -> bool:
    """Return whether the detail of one picture is found at the same place in the other, under the noise."""
    one, other = (picture.grey - cv2.blur(picture.grey, (CELL, CELL)) for picture in (before, after))
    return float(np.vdot(one, other)) > _SAME * float(np.linalg.norm(one) * np.linalg.norm(other))


def _has_structure(cells: NDArray[np.float32]) -> bool:
    """Return whether neighbouring cells differ alike: something moved, and it is not noise."""
    light = cells.mean(axis=2)
    power = float(np.mean(light * light)) + 1e-6
    down = float(np.mean(light[1:] * light[:-1])) if len(light) > 1 else 0.0
    across = float(np.mean(light[:, 1:] * light[:, :-1])) if light.shape[1] > 1 else 0.0
    return max(abs(down), abs(across)) > _WHITE * power
