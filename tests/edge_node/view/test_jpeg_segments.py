"""Segments of a JPEG: inserted, found again, skipped by others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.view.jpeg_segments import insert_segments, iter_segments

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
JPEG = cv2.imencode(".jpg", PIXELS)[1].tobytes()


@pytest.mark.parametrize("size", [0, 10, 70_000, 200_000])
def test_content_of_any_size_is_found_again_and_the_pixels_stay(size):
    """More than a segment holds goes into several."""
    content = np.random.default_rng(1).bytes(size)
    longer = insert_segments(JPEG, b"name\0", content)
    assert b"".join(iter_segments(longer, b"name\0")) == content
    decoded = (cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR) for each in (JPEG, longer))
    assert np.array_equal(*decoded)


def test_other_names_are_other_segments():
    """Two contents stand beside each other."""
    both = insert_segments(insert_segments(JPEG, b"one\0", b"1"), b"two\0", b"2")
    assert [list(iter_segments(both, name)) for name in (b"one\0", b"two\0", b"three\0")] == [
        [b"1"],
        [b"2"],
        [],
    ]


def test_what_is_no_jpeg_holds_none():
    """Cut off or foreign bytes yield nothing; nothing is inserted into them."""
    assert list(iter_segments(b"no picture", b"one\0")) == []
    assert list(iter_segments(insert_segments(JPEG, b"one\0", b"1")[:9], b"one\0")) == []
    with pytest.raises(ValueError, match="no JPEG"):
        insert_segments(b"no picture", b"one\0", b"1")
