"""What the settings of a view say about the camera's picture."""

from __future__ import annotations

import pytest

from edge_node.messages.camera_view import Crop
from edge_node.view.settings import ViewSettings


@pytest.mark.parametrize(
    ("rotate_deg", "flip", "expected"),
    [
        (0, "none", (False, False, False)),
        (180, "both", (False, False, False)),
        (180, "none", (False, True, True)),
        (90, "horizontal", (True, False, False)),
        (270, "vertical", (True, False, False)),
    ],
)
def test_turns_and_flips_are_one_orientation(rotate_deg, flip, expected):
    """Two turns and flips that cancel each other cost nothing."""
    assert ViewSettings(rotate_deg, flip).orientation == expected


def test_the_size_of_a_crop_is_that_of_the_turned_picture():
    """The camera's own picture is the other way round after a quarter turn."""
    crop = Crop(left_px=0, top_px=0, width_px=10, height_px=10, of_px=(480, 640))
    assert ViewSettings(90, crop=crop).known_size == (640, 480)
    assert ViewSettings(180, crop=crop).known_size == (480, 640)
    assert ViewSettings(90).known_size is None
