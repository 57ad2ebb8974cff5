"""By what pixels were divided before they entered a graph, and whose means they are."""

from __future__ import annotations

import numpy as np
import pytest

from converter.nodes.entry_scaling import find_base, recognise_caffe
from converter.nodes.graph_entry import GraphEntry


@pytest.mark.parametrize(
    ("factor", "offset", "base"),
    [
        (1 / 255, 0.0, 1.0),  # Rescaling(1/255): bytes
        (1 / 127.5, -1.0, 1.0),  # bytes
        (2.0, -1.0, 255.0),  # shares, to -1 to 1
        (1.0, -117.0, 1.0),  # a mean of bytes
        (255.0, 0.0, 255.0),  # shares become bytes
        (1.0, 0.0, None),  # nothing is done: nothing is known
        (-1 / 255, 1.0, 1.0),  # 1 - pixel / 255
        (-1.0, 1.0, 255.0),  # 1 - share
        (2.0, -0.1, None),  # mean 0.05: of shares, or learned of numbers from -1 to 1
        ([1.8, 1.9, 2.0], [-0.7, -0.8, -0.9], None),  # as wide as numbers from -1 to 1
        ([4.4, 4.5, 4.4], [-2.1, -2.0, -1.8], 255.0),  # ImageNet's of shares
    ],
)
def test_arithmetic_says_what_it_takes(factor, offset, base):
    """Bytes or shares of 255; None where that is not clear."""
    entry = GraphEntry("x", "NHWC", "float32", False, np.atleast_1d(factor), np.atleast_1d(offset))
    assert find_base(entry) == base


def test_the_order_of_caffes_means_is_the_order_of_the_colours():
    """Blue first is Caffe's own."""
    assert recognise_caffe(np.array([104.0, 117.0, 123.0])) == "BGR"
    assert recognise_caffe(np.array([123.68, 116.78, 103.94])) == "RGB"
    assert recognise_caffe(np.array([127.5] * 3)) is None
