"""Cut large frames into tiles and merge their results: small pits vanish at the models' input size. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.inspection.corrosion_map import CORRODED_FROM, FINER, share_of
from edge_node.messages.verdict import Outcome
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_node.messages.verdict import Decision
    from edge_node.view.counted_pixels import CountedPixels

# A frame gets the worst outcome of its tiles; that of a tile that was not judged counts least.
_RANK = {Outcome.CORRODED: 3, Outcome.UNCERTAIN: 2, Outcome.UNCORRODED: 1, Outcome.NOT_INSPECTABLE: 0}

_UNLIMITED = 1_000_000
_LEARNING_RATE = (
    0.1  # one slow frame of ten changes no grid; a board that throttles does, within a second or two
)


class Tile(PlainStruct, frozen=True):
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
        overlap: share of a tile that its neighbour has too, so that a defect on an edge lies whole in one.
    """
    return [
        Tile(left, top, tile_width, tile_height)
        for top, tile_height in _spans(height, down, overlap)
        for left, tile_width in _spans(width, across, overlap)
    ]


def grid_within(across: int, down: int, most: int) -> tuple[int, int]:
    """Return the finest grid of at most ``most`` tiles, at most ``across`` wide and ``down`` high.

    Every frame is still judged as a whole, only in less detail: the robot moves, and a tile left for the next
    frame would show another place. Of two grids with as many tiles, the one nearer in shape to the full grid.
    """

    def worth(grid: tuple[int, int]) -> tuple[int, float]:
        return grid[0] * grid[1], -abs(math.log(grid[0] / grid[1]) - math.log(across / down))

    grids = [(a, d) for a in range(1, across + 1) for d in range(1, down + 1) if a * d <= max(1, most)]
    return max(grids, key=worth)


class TileBudget:
    """Estimate from measured times how many tiles fit into the time for a frame; used by one thread.

    Preprocessing takes as long for many small tiles as for few large ones; the models' time grows with the
    number of tiles.
    """

    def __init__(self, budget_ms: float | None) -> None:
        """Begin without measurements; a budget of None allows any number of tiles."""
        self._budget_ms = budget_ms
        self._prepare_ms = self._tile_ms = 0.0

    @property
    def most(self) -> int:
        """The number of tiles that fit: at least one, and one before the first measurement."""
        if self._budget_ms is None:
            return _UNLIMITED
        if not self._tile_ms:
            return 1
        return max(1, int((self._budget_ms - self._prepare_ms) / self._tile_ms))

    def record(self, tiles: int, *, prepare_ms: float, models_ms: float) -> None:
        """Record the total times of a frame's tiles."""
        learn = _LEARNING_RATE if self._tile_ms else 1.0
        self._prepare_ms += learn * (prepare_ms - self._prepare_ms)
        self._tile_ms += learn * (models_ms / tiles - self._tile_ms)


def find_worst(decisions: Sequence[Decision]) -> int:
    """Return the index of the worst decision, and of those the one with the highest confidence."""

    def rank(index: int) -> tuple[int, float]:
        decision = decisions[index]
        return _RANK[decision.outcome], decision.condition_confidence or 0.0

    return max(range(len(decisions)), key=rank)


def stitch_tiles(
    parts: Sequence[tuple[Tile, NDArray[np.float32] | None]], width: int, height: int
) -> NDArray[np.float32] | None:
    """Merge the tiles' maps into one of the whole frame; overlapping tiles are averaged.

    Args:
        parts: each tile with its probabilities of corrosion, ``(rows, columns)``; None where it is not
            corroded, which counts as 0.
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


def corroded_share(probability: NDArray[np.float32], counted: CountedPixels | None = None) -> float:
    """Return the share of a map, ``(rows, columns)``, or of what counts in it, that is corroded."""
    rows, columns = probability.shape
    fine = cv2.resize(probability, (columns * FINER, rows * FINER), interpolation=cv2.INTER_LINEAR)
    return share_of(np.asarray(fine) >= CORRODED_FROM, counted)


def _spans(size: int, count: int, overlap: float) -> list[tuple[int, int]]:
    """Return start and length of ``count`` equal spans that cover ``size`` and overlap."""
    if count == 1:
        return [(0, size)]
    # Rounded up: rounded down, a line between two tiles could be uncovered.
    length = min(size, math.ceil(size / (count - (count - 1) * overlap)))
    return [(round(index * (size - length) / (count - 1)), length) for index in range(count)]


def _cells(start: int, length: int, size: int, cells: int) -> tuple[int, int]:
    """Return the first cell of a span and the one behind its last; at least one."""
    first = min(round(start * cells / size), cells - 1)
    return first, min(max(first + 1, round((start + length) * cells / size)), cells)
