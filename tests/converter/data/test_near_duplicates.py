"""Pictures of one view."""

from __future__ import annotations

import cv2
import numpy as np

from converter.data.near_duplicates import find_near_duplicates, hash_view, join_pairs
from tests.support.foreign_sets import picture


def test_a_resized_or_recompressed_picture_is_a_near_duplicate():
    """And pictures of other subjects are none."""
    first = picture(1)
    small = cv2.resize(first, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    coded = cv2.imdecode(cv2.imencode(".jpg", first, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    hashes = np.array([hash_view(pixels) for pixels in (first, picture(2), small, picture(3), coded)])
    assert set(find_near_duplicates(hashes)) == {(0, 2), (0, 4), (2, 4)}


def test_pairs_join_into_clusters():
    """Also through a third."""
    first, second, third, fourth, fifth = join_pairs(5, [(0, 2), (3, 4), (2, 3)])
    assert first == third == fourth == fifth != second
