"""Pictures of one view."""

from __future__ import annotations

import cv2
import numpy as np

from converter.data.near_duplicates import (
    NEAR_DUPLICATE_BITS,
    find_near_duplicates,
    hash_view,
    join_pairs,
)
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


def test_near_duplicates_are_those_that_comparing_all_pairs_finds():
    """Random hashes, copies a few bits apart up to the limit and beyond, and a view in many copies."""
    rng = np.random.default_rng(5)
    hashes = rng.random((900, 64)) < 0.5
    for at in range(300, 600):
        flipped = rng.choice(64, at % 14, replace=False)
        hashes[at] = hashes[at - 300]
        hashes[at, flipped] ^= True
    hashes[700:850] = hashes[7] ^ (rng.random((150, 64)) < 0.05)
    differing = np.array([np.count_nonzero(hashes != bits, axis=1) for bits in hashes])
    lower, upper = np.nonzero(np.triu(differing <= NEAR_DUPLICATE_BITS, 1))
    found = list(find_near_duplicates(hashes))
    assert found == list(zip(lower.tolist(), upper.tolist(), strict=True))
    assert len(found) > 3000


def test_so_few_pictures_that_none_can_be_near_another():
    """None and one."""
    assert list(find_near_duplicates(np.zeros((0, 64), bool))) == []
    assert list(find_near_duplicates(np.zeros((1, 64), bool))) == []
