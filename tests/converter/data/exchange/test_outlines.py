"""Areas of masks as polygons."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from converter.data.exchange.outlines import split_areas, trace_outline
from converter.data.foreign.shapes import Polygons
from tests.support.foreign_sets import rust_mask


def test_an_outline_runs_along_the_edges_of_pixels():
    """Clockwise, with corners alone; an area with a hole has none."""
    area = np.zeros((5, 6), bool)
    area[1:3, 2:5] = True
    assert trace_outline(area) == [(2, 1), (5, 1), (5, 3), (2, 3)]
    ring = np.ones((4, 4), bool)
    ring[1:3, 1:3] = False
    assert trace_outline(ring) is None
    assert trace_outline(np.zeros((3, 3), bool)) is None


@given(arrays(bool, st.tuples(st.integers(1, 16), st.integers(1, 16))))
def test_polygons_and_the_rest_make_the_mask(mask):
    """Drawn as COCO draws them, polygons are exact, and what they are not is in the rest."""
    polygons, left = split_areas(mask)
    drawn = left.copy()
    for polygon in polygons:
        part = Polygons((tuple(polygon),)).draw(*mask.shape)
        assert not (part & drawn).any()
        drawn |= part
    np.testing.assert_array_equal(drawn, mask)


def test_whole_areas_become_polygons():
    """Of two parts, the one without a hole."""
    polygons, left = split_areas(rust_mask(1))
    assert len(polygons) == 1
    assert 0 < left.sum() < rust_mask(1).sum()
