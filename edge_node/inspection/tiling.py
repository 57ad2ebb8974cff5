"""Large frames in pieces: a pit that fills a tile is lost in the whole picture at a model's size. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_node.messages.verdict import Decision

# The worst that one tile shows is what the frame shows; a tile that was not judged says least.
_RANK = {Outcome.CORRODED: 3, Outcome.UNCERTAIN: 2, Outcome.UNCORRODED: 1, Outcome.NOT_INSPECTABLE: 0}
_FINER = 8  # between the positions of a map its values are interpolated so finely to measure an area
_UNLIMITED = 1_000_000
_LEARNING_RATE = (
    0.1  # one slow frame of ten changes no grid; a board that throttles does, within a second or two
)
_THRESHOLD = 0.5  # from here on a position counts as corroded


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a frame, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return this part of a frame, without a copy."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]


def tile_grid(width: int, height: int, across: int, down: int, overlap: float) -> list[Tile]:
    """Return ``across`` x ``down`` tiles that cover a frame, row by row.

    Args:
        width: of the frame, px.
        height: of the frame, px.
        across: tiles in a row.
        down: rows of tiles.
        overlap: share of a tile that it has in common with its neighbour, so that what lies on an edge is
            seen whole by one of them.
    """
    return [
        Tile(left, top, tile_width, tile_height)
        for top, tile_height in _spans(height, down, overlap)
        for left, tile_width in _spans(width, across, overlap)
    ]


def grid_within(across: int, down: int, most: int) -> tuple[int, int]:
    """Return the finest grid of at most ``most`` tiles, no finer than ``across`` x ``down`` in either way.

    Every frame is judged as a whole, only less closely: a robot moves on, and a tile that had to wait for the
    next frame would show another place. Of two grids with as many tiles it is the one nearer to the shape of
    the full grid.
    """

    def worth(grid: tuple[int, int]) -> tuple[int, float]:
        return grid[0] * grid[1], -abs(math.log(grid[0] / grid[1]) - math.log(across / down))

    grids = [(a, d) for a in range(1, across + 1) for d in range(1, down + 1) if a * d <= max(1, most)]
    return max(grids, key=worth)


class TileBudget:
    """How many tiles fit into the time for a frame, by what they took so far; belongs to one thread.

    Making the tiles ready takes as long for many small ones as for few large ones; the models take their
    time for each.
    """

    def __init__(self, budget_ms: float | None) -> None:
        """Begin knowing nothing; None: all tiles always fit."""
        self._budget_ms = budget_ms
        self._prepare_ms = self._tile_ms = 0.0

    @property
    def most(self) -> int:
        """So many tiles fit; one before the first was measured, and always one."""
        if self._budget_ms is None:
            return _UNLIMITED
        if not self._tile_ms:
            return 1
        return max(1, int((self._budget_ms - self._prepare_ms) / self._tile_ms))

    def took(self, tiles: int, *, prepare_ms: float, models_ms: float) -> None:
        """Take in what the tiles of a frame took, all together."""
        learn = _LEARNING_RATE if self._tile_ms else 1.0
        self._prepare_ms += learn * (prepare_ms - self._prepare_ms)
        self._tile_ms += learn * (models_ms / tiles - self._tile_ms)


def find_worst(decisions: Sequence[Decision]) -> int:
    """Return the index of the decision that a frame in tiles is given: the worst, and of those the surest."""

    def rank(index: int) -> tuple[int, float]:
        decision = decisions[index]
        return _RANK[decision.outcome], decision.condition_confidence or 0.0

    return max(range(len(decisions)), key=rank)


def stitch_tiles(
    parts: Sequence[tuple[Tile, NDArray[np.float32] | None]], width: int, height: int
) -> NDArray[np.float32] | None:
    """Return one map of a whole frame from those of its tiles; where tiles overlap their mean.

    Args:
        parts: each tile with how probably each of its positions is corroded, ``(rows, columns)``; None where
            it found no corrosion, which counts as 0.
        width: of the frame, px.
        height: of the frame, px.

    Returns:
        float32 ``(rows, columns)`` at the resolution of the tiles' maps; None if no tile has one.
    """
    first = next(((tile, found) for tile, found in parts if found is not None), None)
    if first is None:
        return None
    tile, found = first
    rows = max(1, round(height * found.shape[0] / tile.height))
    columns = max(1, round(width * found.shape[1] / tile.width))
    total = np.zeros((rows, columns), np.float32)
    count = np.zeros((rows, columns), np.float32)
    for part, positions in parts:
        top, bottom = _cells(part.top, part.height, height, rows)
        left, right = _cells(part.left, part.width, width, columns)
        count[top:bottom, left:right] += 1
        if positions is not None:
            size = (right - left, bottom - top)
            total[top:bottom, left:right] += cv2.resize(positions, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(total / np.maximum(count, 1), dtype=np.float32)


def corroded_share(probability: NDArray[np.float32]) -> float:
    """Return the share of a map, ``(rows, columns)``, where corroded is the more probable."""
    rows, columns = probability.shape
    fine = cv2.resize(probability, (columns * _FINER, rows * _FINER), interpolation=cv2.INTER_LINEAR)
    return float((np.asarray(fine) >= _THRESHOLD).mean())


def _spans(size: int, count: int, overlap: float) -> list[tuple[int, int]]:
    """Return start and length of ``count`` equal spans that cover ``size`` and overlap."""
    if count == 1:
        return [(0, size)]
    # Rounded up: rounded down, the neighbours would leave a line between them.
    length = min(size, math.ceil(size / (count - (count - 1) * overlap)))
    return [(round(index * (size - length) / (count - 1)), length) for index in range(count)]


def _cells(start: int, length: int, size: int, cells: int) -> tuple[int, int]:
    """Return the first cell of a span and the one behind its last; at least one."""
    first = min(round(start * cells / size), cells - 1)
    return first, min(max(first + 1, round((start + length) * cells / size)), cells)
