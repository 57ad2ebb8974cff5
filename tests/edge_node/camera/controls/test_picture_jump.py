"""A jump of brightness or tint is told; what a driving robot sees anyway is not."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.camera.controls.picture_jump import describe_jump, measure_colour


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ((100, 100, 100), ""),
        ((130, 130, 130), ""),
        ((0, 0, 0), "0.0099 times as bright"),
        ((180, 180, 180), "1.8 times as bright"),
        ((100, 100, 150), "of another tint"),
    ],
)
def test_a_jump_of_the_picture_is_one_sentence(after, words):
    """Brightness by half, or a colour by a fifth against the others."""
    before, later = (np.full((40, 40, 3), colour, np.uint8) for colour in ((100, 100, 100), after))
    texts = describe_jump(measure_colour(before), measure_colour(later))
    assert bool(texts) == bool(words)
    assert words in "".join(texts)
