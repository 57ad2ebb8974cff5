"""Frames in pieces: every pixel is in one, the maps come together, the worst piece speaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.inspection.tiling import (
    Tile,
    TileBudget,
    corroded_share,
    find_worst,
    grid_within,
    stitch_tiles,
    tile_grid,
)
from edge_node.messages.verdict import Decision, Outcome


@given(
    st.integers(16, 4000),
    st.integers(16, 4000),
    st.integers(1, 8),
    st.integers(1, 8),
    st.floats(0, 0.5),
)
def test_tiles_cover_the_frame_and_nothing_else(width, height, across, down, overlap):
    """Every line and column is in a tile, no tile reaches over the edge, all have one size."""
    tiles = tile_grid(width, height, across, down, overlap)
    assert len(tiles) == across * down
    assert len({(tile.width, tile.height) for tile in tiles}) == 1
    columns, rows = np.zeros(width, bool), np.zeros(height, bool)
    for tile in tiles:
        assert tile.left + tile.width <= width
        assert tile.top + tile.height <= height
        columns[tile.left : tile.left + tile.width] = True
        rows[tile.top : tile.top + tile.height] = True
    assert columns.all()
    assert rows.all()


def test_neighbours_overlap_by_the_share():
    """Two tiles of 1000 px with a fifth in common are 556 px wide and share 112."""
    first, second = tile_grid(1000, 100, 2, 1, 0.2)
    assert (first.left, first.width, second.left) == (0, 556, 444)


def test_maps_are_stitched_where_their_tiles_lie():
    """Two halves, one corroded and one clean, are one map whose left half is corroded."""
    tiles = tile_grid(640, 480, 2, 1, 0.0)
    whole = stitch_tiles([(tiles[0], np.ones((7, 7), np.float32)), (tiles[1], None)], 640, 480)
    assert whole.shape == (7, 14)
    assert np.array_equal(whole, np.repeat([[1.0] * 7 + [0.0] * 7], 7, axis=0))
    assert corroded_share(whole) == pytest.approx(0.5, abs=0.02)


def test_where_tiles_overlap_their_mean_counts():
    """A position that one tile calls corroded and the other does not is half so."""
    parts = [
        (Tile(0, 0, 200, 100), np.ones((2, 4), np.float32)),
        (Tile(100, 0, 200, 100), np.zeros((2, 4), np.float32)),
    ]
    whole = stitch_tiles(parts, 300, 100)
    assert np.allclose(whole, [[1, 1, 0.5, 0.5, 0, 0]] * 2)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 70))
def test_the_grid_is_the_finest_that_the_budget_allows(across, down, most):
    """Never more tiles than allowed or configured in a direction, and no finer grid would fit."""
    found = grid_within(across, down, most)
    assert found[0] <= across
    assert found[1] <= down
    assert found[0] * found[1] <= most
    finer = [a * d for a in range(1, across + 1) for d in range(1, down + 1) if a * d <= most]
    assert found[0] * found[1] == max(finer)


@pytest.mark.parametrize(("most", "grid"), [(1, (1, 1)), (2, (2, 1)), (3, (3, 1)), (4, (2, 2)), (99, (4, 3))])
def test_of_grids_as_fine_the_one_shaped_like_the_full_grid_is_taken(most, grid):
    """Four of 4 x 3 are two by two, not four in a row."""
    assert grid_within(4, 3, most) == grid


def test_the_budget_learns_what_a_tile_takes():
    """One tile at first; 45 ms hold cutting and three tiles of 10 ms; one slow frame changes little."""
    budget = TileBudget(45.0)
    assert budget.most == 1
    budget.record(1, prepare_ms=10.0, models_ms=10.0)
    assert budget.most == 3
    budget.record(3, prepare_ms=10.0, models_ms=50.0)
    assert budget.most == 3
    for _ in range(50):
        budget.record(1, prepare_ms=100.0, models_ms=10.0)
    assert budget.most == 1
    assert TileBudget(None).most > 64


def test_without_a_map_there_is_none():
    """Clean tiles give no map, as a clean frame does."""
    assert stitch_tiles([(Tile(0, 0, 10, 10), None)], 10, 10) is None


def decision(outcome, confidence=None):
    """Return a decision."""
    return Decision(outcome=outcome, condition_confidence=confidence)


@pytest.mark.parametrize(
    ("decisions", "chosen"),
    [
        ([decision(Outcome.UNCORRODED, 0.9), decision(Outcome.CORRODED, 0.6)], 1),
        ([decision(Outcome.CORRODED, 0.6), decision(Outcome.CORRODED, 0.9)], 1),
        ([decision(Outcome.UNCERTAIN), decision(Outcome.UNCORRODED, 1.0)], 0),
        ([decision(Outcome.NOT_INSPECTABLE), decision(Outcome.UNCORRODED, 0.5)], 1),
    ],
)
def test_the_worst_tile_speaks_for_the_frame(decisions, chosen):
    """Corroded before uncertain before uncorroded, and of those the surest."""
    assert find_worst(decisions) == chosen
