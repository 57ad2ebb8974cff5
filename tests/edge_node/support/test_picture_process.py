"""The picture in a support file is small enough to be mailed."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.camera.picture import decode_picture
from edge_node.support.picture_process import LONGER_SIDE_PX, encode


@pytest.mark.parametrize(
    ("size", "expected"), [((30, 40), (30, 40)), ((10, 2 * LONGER_SIDE_PX), (5, LONGER_SIDE_PX))]
)
def test_a_large_picture_is_made_smaller_and_a_small_one_is_not(size, expected):
    """By its longer side."""
    found = decode_picture(encode(np.full((*size, 3), 90, np.uint8)), "x")
    assert found.shape[:2] == expected
