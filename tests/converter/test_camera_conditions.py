"""Conditions of a stress evaluation."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.camera_conditions import CONDITIONS, GREY, MOST_PX, UNCHANGED, reduce_to_camera
from edge_node.inspection.inspectability import has_colour


def _picture(height=120, width=200):
    noise = np.random.default_rng(5).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_a_condition_changes_the_picture_and_nothing_else(condition):
    """Each gives a picture of its own, the same for the same state, and leaves the original alone."""
    picture = _picture()
    first, again = (condition.worsen(picture, np.random.default_rng(2)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(picture, _picture())
    assert first.dtype == np.uint8
    assert np.array_equal(first, picture) is (condition.name == UNCHANGED)


def test_conditions_are_what_their_names_say():
    """Grey has no colour, 64 px wide is 64 px wide, squeezed is square; names are each there once."""
    named = {
        condition.name: condition.worsen(_picture(), np.random.default_rng(0)) for condition in CONDITIONS
    }
    assert len(named) == len(CONDITIONS)
    assert not has_colour(named[GREY])
    assert named["64 px wide"].shape == (38, 64, 3)
    assert named["4:3 squeezed to 1:1"].shape == (120, 120, 3)
    assert named["3 stops darker"].mean() < named["1 stop darker"].mean() < _picture().mean()


def test_only_pictures_larger_than_a_cameras_are_reduced():
    """A photograph of many megapixels is reduced along its longer side, a camera's picture is not."""
    assert reduce_to_camera(_picture(100, 2 * MOST_PX)).shape == (50, MOST_PX, 3)
    assert reduce_to_camera(_picture()).shape == (120, 200, 3)
