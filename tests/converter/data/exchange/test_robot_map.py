"""A robot's map as the first mask that people correct."""

from __future__ import annotations

import cv2
import numpy as np

from converter.data.exchange.robot_map import read_robot_mask
from edge_node.evidence.marked_jpeg import embed_marking
from edge_node.inspection.overlay import Marking
from tests.support.reviewable import plate


def test_the_mask_lies_where_the_robot_saw_corrosion():
    """At the place of the map, at the picture's size; a picture without a map, or an empty one, has none."""
    mask = read_robot_mask(plate(3), (240, 320))
    rows, columns = np.nonzero(mask)
    centre = (80 + 3 * 37 % 160, 60 + 3 * 23 % 120)
    assert mask.shape == (240, 320)
    assert abs(columns.mean() - centre[0]) < 20
    assert abs(rows.mean() - centre[1]) < 20
    plain = cv2.imencode(".jpg", np.full((24, 32, 3), 90, np.uint8))[1].tobytes()
    empty = embed_marking(plain, Marking(np.zeros((3, 4), np.float32), ("uncorroded steel",)))
    assert read_robot_mask(plain, (24, 32)) is None
    assert read_robot_mask(empty, (24, 32)) is None
