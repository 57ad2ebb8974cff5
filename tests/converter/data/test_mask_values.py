"""Values of a mask: corroded, uncorroded, and not known."""

from __future__ import annotations

import numpy as np

from converter.data.mask_values import find_corroded, find_unknown, make_mask


def test_a_mask_tells_corroded_uncorroded_and_unknown_apart():
    """255 and soft edges from 128 on are corroded, 127 is not known; what is marked corroded is corroded."""
    mask = np.array([[0, 126, 127, 128, 255]], np.uint8)
    assert find_corroded(mask).tolist() == [[False, False, False, True, True]]
    assert find_unknown(mask).tolist() == [[False, False, True, False, False]]
    corroded, unknown = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert make_mask(corroded, unknown).tolist() == [255, 255, 127, 0]
    assert make_mask(corroded, None).tolist() == [255, 255, 0, 0]
