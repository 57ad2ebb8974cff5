"""Positions in the camera's picture for each pixel of the corrected one."""

from __future__ import annotations

import msgspec
import numpy as np

from edge_node.messages.camera_view import Lens
from edge_node.view.lens_maps import corrected_focal, make_lens_maps

LENS = Lens(
    model="pinhole",
    width_px=40,
    height_px=30,
    fx_px=30,
    fy_px=31,
    cx_px=20,
    cy_px=15,
    coefficients=(0.0, 0.0, 0.0, 0.0),
    corrected=(15.0, 15.5, 20.0, 15.0),
)


def test_the_corrected_camera_of_ros_is_used():
    """A projection matrix with half the focal length shows twice the field."""
    x, y = make_lens_maps(LENS, 40, 30)
    assert np.allclose(x[0], 20 + 2 * (np.arange(40) - 20), atol=1e-3)
    assert np.allclose(y[:, 0], 15 + 2 * (np.arange(30) - 15), atol=1e-3)


def test_the_focal_length_is_that_of_the_corrected_picture_at_its_size():
    """Twice the pixels, twice the focal length."""
    assert corrected_focal(LENS, 80, 60) == (30.0, 31.0)


def test_where_the_polynomial_folds_the_picture_back_nothing_is_shown():
    """Beyond its greatest reach a strong barrel would show the middle again, mirrored."""
    strong = msgspec.structs.replace(
        LENS, fx_px=10.0, fy_px=10.0, corrected=None, coefficients=(-0.4, 0.0, 0.0, 0.0)
    )
    x, y = make_lens_maps(strong, 40, 30)
    inside = (x >= 0) & (x < 40) & (y >= 0) & (y < 30)
    radius = np.hypot(*np.meshgrid(np.arange(40) - 20, np.arange(30) - 15)) / 10
    reach = (1 / (3 * 0.4)) ** 0.5  # where r - 0.4 r^3 is greatest
    assert inside[radius < reach - 0.15].all()
    assert not inside[radius > reach + 0.15].any()
