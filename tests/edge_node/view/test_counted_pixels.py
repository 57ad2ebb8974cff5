"""Which pixels count, at the sizes at which others look."""

from __future__ import annotations

import numpy as np

from edge_node.view.counted_pixels import CountedPixels

MASK = np.full((40, 60), 255, np.uint8)
MASK[:, :20] = 0


def test_shares_are_those_of_the_cells():
    """A cell of which half is masked counts half."""
    shares = CountedPixels(MASK).shares(4, 4)  # cells of 15 px: the second begins at 15, the mask ends at 20
    assert np.allclose(shares[0], [0, 2 / 3, 1, 1], atol=1e-5)
    assert CountedPixels(MASK).share == 2 / 3


def test_edges_of_the_mask_are_no_edges_of_the_picture():
    """Pixels beside masked ones are left out where sharpness is measured; the picture's own rim is not."""
    inner = CountedPixels(MASK).inner(40, 60)
    assert (inner[:, 21:] == 255).all()
    assert (inner[:, :21] == 0).all()


def test_a_mask_finer_than_its_neighbourhood_still_counts_something():
    """Where no pixel has only counted neighbours, those that count are taken."""
    stripes = np.zeros((40, 40), np.uint8)
    stripes[:, ::3] = 255
    assert CountedPixels(stripes).inner(40, 40).any()
    assert CountedPixels(stripes).inner(10, 10).any()


def test_a_part_counts_its_own_pixels():
    """A tile half under the mask has half its pixels."""
    part = CountedPixels(MASK).part(10, 0, 20, 40)
    assert (part.count, part.share) == (400, 0.5)
