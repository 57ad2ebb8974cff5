"""Compute where each pixel of the corrected picture lies in the camera's, for one lens and size. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.messages.camera_view import Lens

_OUTSIDE = -10_000.0  # px: what lies there is not in the camera's picture


def make_lens_maps(lens: Lens, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return x and y in the camera's picture for each pixel of the corrected one, both as large.

    The calibration is scaled to the picture's size. What the camera did not see lies outside of its picture.
    """
    camera = _matrix(lens, (lens.fx_px, lens.fy_px, lens.cx_px, lens.cy_px), width, height)
    corrected = camera if lens.corrected is None else _matrix(lens, lens.corrected, width, height)
    rotation = np.eye(3) if lens.rotation is None else np.array(lens.rotation, np.float64).reshape(3, 3)
    coefficients = np.array(lens.coefficients, np.float64)
    make = cv2.fisheye.initUndistortRectifyMap if lens.model == "fisheye" else cv2.initUndistortRectifyMap
    x, y = make(camera, coefficients, rotation, corrected, (width, height), cv2.CV_32FC1)
    across, down = np.asarray(x, np.float32), np.asarray(y, np.float32)
    folded = _find_folded(across, down, (corrected[0, 2], corrected[1, 2]))
    across[folded] = down[folded] = _OUTSIDE
    return across, down


def _find_folded(
    across: NDArray[np.float32], down: NDArray[np.float32], centre: tuple[float, float]
) -> NDArray[np.bool_]:
    """Return where a lens's polynomial folds the picture back: it holds only as far as it was calibrated.

    That is where neighbours change sides, and all that lies behind it, seen from the centre.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # absurd coefficients
        sides = np.gradient(across, axis=1) * np.gradient(down, axis=0)
        sides -= np.gradient(across, axis=0) * np.gradient(down, axis=1)
    good: NDArray[np.bool_] = np.isfinite(sides) & (sides > 0)
    if good.all():
        return ~good
    parts = np.asarray(cv2.connectedComponents(good.astype(np.uint8), connectivity=4)[1])
    height, width = good.shape
    at = (round(min(max(centre[1], 0), height - 1)), round(min(max(centre[0], 0), width - 1)))
    whole: NDArray[np.bool_] = good & (parts == parts[at])
    return ~whole


def corrected_focal(lens: Lens, width: int, height: int) -> tuple[float, float]:
    """Return the focal lengths of the corrected picture, across and down, in its pixels."""
    across, down = (lens.fx_px, lens.fy_px) if lens.corrected is None else lens.corrected[:2]
    return across * width / lens.width_px, down * height / lens.height_px


def _matrix(
    lens: Lens, values: tuple[float, float, float, float], width: int, height: int
) -> NDArray[np.float64]:
    """Return the camera matrix for pictures of another size; pixel centres are whole numbers."""
    across, down = width / lens.width_px, height / lens.height_px
    fx, fy, cx, cy = values
    return np.array(
        [
            [fx * across, 0, (cx + 0.5) * across - 0.5],
            [0, fy * down, (cy + 0.5) * down - 0.5],
            [0, 0, 1],
        ]
    )
