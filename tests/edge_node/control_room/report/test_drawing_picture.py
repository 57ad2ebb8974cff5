"""A drawing with its marks as a picture for reports."""

import cv2
import numpy as np
import pytest

from edge_node.control_room.report.drawing_picture import DrawnMark, render_drawing
from tests.support.drawings import png


def decoded(content):
    """Return the pixels of a PNG."""
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_marks_lie_where_they_belong_and_nowhere_else(channels):
    """The worst one is red at its pixel, its line reaches on, and the rest of the drawing is as it was."""
    content = png(400, 200, channels)
    mark = DrawnMark((100.0, 60.0), "12", 1.0, ((100.0, 60.0), (160.0, 60.0)))
    seen = decoded(render_drawing(content, [mark, DrawnMark((300.0, 60.0), "13")]))
    blue, _, red = (int(value) for value in seen[60, 150])
    assert red > blue + 60
    assert np.array_equal(seen[120:], decoded(render_drawing(content, []))[120:])
    assert (seen[60, 297:304] != 255).any()


def test_a_large_drawing_is_made_smaller_with_its_marks():
    """A sheet of 4800 px becomes one of 2400, and its mark lies at half the pixel."""
    seen = decoded(render_drawing(png(4800, 400), [DrawnMark((4000.0, 100.0), "1", 0.0)]))
    assert seen.shape[:2] == (200, 2400)
    assert (seen[50 - 12, 2000 - 4 : 2000 + 4] != 255).any()
