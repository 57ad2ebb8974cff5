"""Read from a robot's picture which of its pixels the models found corroded, as a first mask to correct."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.evidence.marked_jpeg import read_marking

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORRODED_FROM = 0.5  # of the map, as the robot outlines it


def read_robot_mask(content: bytes, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Return the corroded pixels of the map in a picture of this height and width; None without a map."""
    marking = read_marking(content)
    if marking is None or marking.corroded is None:
        return None
    smooth = cv2.resize(marking.corroded, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    found = np.asarray(smooth >= CORRODED_FROM)
    return found if found.any() else None
