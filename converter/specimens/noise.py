"""Generate random fields for rendered specimens: octaves of noise, streaks, cells, and their slopes.

Every field is float32 of shape ``(height, width)`` and a pure function of the generator that is handed in.
Fields are grown from coarse grids and enlarged, so that a picture costs milliseconds.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Shape = tuple[int, int]

# Steps of a cumulative histogram: finer than any camera's grey levels, small enough to stay in cache.
_RANK_LEVELS = 4096
# Four megabytes of normal numbers: several pictures' worth.
_TABLE_SIZE = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Voronoi cells: each part of the plane is nearer to its own point than to any other.

    Attributes:
        distance: to the nearest point, in px.
        number: of that point, int32 like ``distance``; from 0 to ``count`` - 1.
        rows, columns: of the points, shape ``(count,)``, in px.
    """

    distance: Field
    number: npt.NDArray[np.int32]
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]

    @property
    def count(self) -> int:
        """Number of points; a few less than asked for where points fell together."""
        return int(self.rows.size)

    def of_points(self, values: npt.NDArray[np.float64]) -> Field:
        """Return the field of each cell's value, from one value a point."""
        return np.take(values.astype(np.float32), self.number)


def resize_grid(grid: npt.NDArray[np.float32], shape: Shape, interpolation: int = cv2.INTER_CUBIC) -> Field:
    """Return ``grid`` enlarged to ``shape`` (height, width); smooth unless another interpolation is named."""
    return np.asarray(cv2.resize(grid, (shape[1], shape[0]), interpolation=interpolation), dtype=np.float32)


def speckle(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return independent values of mean 0 and deviation 1; any shape."""
    size = math.prod(shape)
    table = _normal_table()
    if size > table.size // 2:
        return rng.standard_normal(shape, dtype=np.float32)
    # A random run of a fixed table: as good to the eye as fresh numbers, at a twentieth of their time.
    start = int(rng.integers(table.size - size))
    return table[start : start + size].reshape(shape)


def streaks(rng: np.random.Generator, shape: Shape, length_px: float, width_px: float) -> Field:
    """Return noise drawn out along x: ``length_px`` by ``width_px`` is the size of one streak."""
    grid = speckle(rng, (_count_cells(shape[0], width_px), _count_cells(shape[1], length_px)))
    # Enlarging a single octave takes about a quarter of its deviation.
    return resize_grid(np.float32(1.25) * grid, shape)


def fractal(rng: np.random.Generator, shape: Shape, cell_px: float, octaves: int, gain: float = 0.5) -> Field:
    """Return noise with structure from ``cell_px`` down, halved ``octaves`` - 1 times; mean 0, deviation 1.

    ``gain`` is the amplitude of each octave relative to the coarser one: 0.3 is smooth, 0.7 is rough.
    """
    field = speckle(rng, (_count_cells(shape[0], cell_px), _count_cells(shape[1], cell_px)))
    amplitude = 1.0
    for octave in range(1, octaves):
        cell = cell_px / 2**octave
        if cell < 1.0:
            break
        grid = (_count_cells(shape[0], cell), _count_cells(shape[1], cell))
        amplitude *= gain
        field = resize_grid(field, grid) + np.float32(amplitude) * speckle(rng, grid)
    return resize_grid(_normalise(field), shape)


def cells(rng: np.random.Generator, shape: Shape, count: int) -> Cells:
    """Return the cells around ``count`` random points."""
    rows, columns = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
    seeds = np.full(shape, 255, dtype=np.uint8)
    seeds[rows, columns] = 0
    _, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.asarray(labels, dtype=np.int32) - 1
    # OpenCV numbers the points as it meets them, row by row; those that fell together count once.
    rows, columns = np.nonzero(seeds == 0)
    # Its own distances are those of a 5x5 mask, which would turn round pits into octagons.
    across = np.arange(shape[1], dtype=np.float32)[None, :] - np.take(columns.astype(np.float32), number)
    along = np.arange(shape[0], dtype=np.float32)[:, None] - np.take(rows.astype(np.float32), number)
    distance = np.asarray(cv2.magnitude(across, along), dtype=np.float32)
    return Cells(distance=distance, number=number, rows=rows, columns=columns)


def displace(field: Field, along_x: Field, along_y: Field) -> Field:
    """Return ``field`` read at points moved by ``along_x`` and ``along_y`` px, mirrored at its edges."""
    height, width = field.shape
    grid_x = np.arange(width, dtype=np.float32)[None, :] + along_x
    grid_y = np.arange(height, dtype=np.float32)[:, None] + along_y
    moved = cv2.remap(field, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, dtype=np.float32)


def blur(field: Field, sigma_px: float) -> Field:
    """Return ``field`` under a Gaussian of ``sigma_px``; wide ones are computed on a reduced copy."""
    height, width = field.shape
    reduction = max(1, int(sigma_px / 2.5))
    if reduction == 1:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma_px), dtype=np.float32)
    small = resize_grid(
        field, (max(4, height // reduction), max(4, width // reduction)), interpolation=cv2.INTER_AREA
    )
    soft = np.asarray(cv2.GaussianBlur(small, (0, 0), sigma_px / reduction), dtype=np.float32)
    return resize_grid(soft, (height, width), interpolation=cv2.INTER_LINEAR)


def step(field: Field, low: float, high: float) -> Field:
    """Return 0 below ``low``, 1 above ``high``, and a smooth cubic between."""
    ramp = np.clip((field - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp), dtype=np.float32)


def slopes(height: Field) -> tuple[Field, Field]:
    """Return d(height)/dx and d(height)/dy in px per px."""
    along_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    along_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    return np.asarray(along_x, dtype=np.float32), np.asarray(along_y, dtype=np.float32)


def rank_values(field: Field, curve: Callable[[Field], Field] | None = None) -> Field:
    """Return for each point the fraction of the field that lies above it: the highest point has 0.

    ``curve``, where given, is applied to the fractions: once a level, not once a point.
    """
    low, high = float(field.min()), float(field.max())
    levels = ((field - np.float32(low)) * np.float32((_RANK_LEVELS - 1) / max(high - low, 1e-6))).astype(
        np.int32
    )
    counts = np.bincount(levels.ravel(), minlength=_RANK_LEVELS)
    # Half of a level's own points count, so that the mean rank is one half.
    below = (np.cumsum(counts) - 0.5 * counts) / field.size
    above = (1.0 - below).astype(np.float32)
    return np.asarray(np.take(above if curve is None else curve(above), levels), dtype=np.float32)


@functools.cache
def _normal_table() -> npt.NDArray[np.float32]:
    table = np.random.default_rng(0).standard_normal(_TABLE_SIZE, dtype=np.float32)
    table.flags.writeable = False
    return table


def _count_cells(length_px: int, cell_px: float) -> int:
    return max(2, round(length_px / max(cell_px, 1.0)) + 1)


def _normalise(field: Field) -> Field:
    mean, deviation = cv2.meanStdDev(field)
    return np.asarray((field - mean[0, 0]) / max(float(deviation[0, 0]), 1e-6), dtype=np.float32)
