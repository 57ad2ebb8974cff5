"""Frames in pieces: every pixel is in one, the maps come together, the worst piece speaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.camera import iter_video
from edge_node.demo.run import CLIP
from edge_node.engine import Engine
from edge_node.inspector import Inspector, Tiling
from edge_node.tiling import Tile, corroded_share, stitched, tile_grid, worst
from edge_node.verdict import Decision, Outcome


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
    whole = stitched([(tiles[0], np.ones((7, 7), np.float32)), (tiles[1], None)], 640, 480)
    assert whole.shape == (7, 14)
    assert np.array_equal(whole, np.repeat([[1.0] * 7 + [0.0] * 7], 7, axis=0))
    assert corroded_share(whole) == pytest.approx(0.5, abs=0.02)


def test_where_tiles_overlap_their_mean_counts():
    """A position that one tile calls corroded and the other does not is half so."""
    parts = [
        (Tile(0, 0, 200, 100), np.ones((2, 4), np.float32)),
        (Tile(100, 0, 200, 100), np.zeros((2, 4), np.float32)),
    ]
    whole = stitched(parts, 300, 100)
    assert np.allclose(whole, [[1, 1, 0.5, 0.5, 0, 0]] * 2)


def test_without_a_map_there_is_none():
    """Clean tiles give no map, as a clean frame does."""
    assert stitched([(Tile(0, 0, 10, 10), None)], 10, 10) is None


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
    assert worst(decisions) == chosen


@pytest.mark.runtime
def test_the_inspector_judges_each_tile_with_the_real_models():
    """With one tile the answer is that of the whole; with four it is that of the worst quarter."""
    engine = Engine(load_bundle(DEFAULT_BUNDLE))
    frames = list(iter_video(CLIP))[::40]
    whole, one = Inspector(engine), Inspector(engine, tiling=Tiling(1, 1, 0.0))
    quarters = Inspector(engine, tiling=Tiling(2, 2, 0.0))
    ranks = [Outcome.NOT_INSPECTABLE, Outcome.UNCORRODED, Outcome.UNCERTAIN, Outcome.CORRODED]
    for pixels in frames:
        assert one.inspect(pixels).decision.stages == whole.inspect(pixels).decision.stages
        height, width = pixels.shape[:2]
        parts = [
            np.ascontiguousarray(pixels[top : top + height // 2, left : left + width // 2])
            for top in (0, height // 2)
            for left in (0, width // 2)
        ]
        expected = max((whole.inspect(part).decision.outcome for part in parts), key=ranks.index)
        assert quarters.inspect(pixels).decision.outcome is expected
