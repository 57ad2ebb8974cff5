"""Text below a picture: legible, inside its place, and without OpenCV's fonts."""

from __future__ import annotations

import string

import numpy as np
import pytest

from edge_node.inspection.text_line import draw_text


def drawn(line: str, width: int = 640) -> np.ndarray:
    """Return a dark strip with the line on it."""
    strip = np.full((48, width, 3), 24, np.uint8)
    draw_text(strip, line, (4, 30), line_px=36, grey=235)
    return strip


def test_every_printable_character_is_drawn_and_differs_from_the_others() -> None:
    """Letters, digits and signs of ASCII; only "I" and "l" look alike; a space leaves the strip as it is."""
    seen = {drawn(character).tobytes() for character in map(chr, range(32, 127))}
    assert len(seen) == 94
    assert (drawn(" ") == 24).all()
    assert (drawn("") == 24).all()


def test_letters_stand_on_the_baseline_and_reach_the_grey() -> None:
    """A capital letter ends where the line says; a "g" goes below; nothing is brighter than asked."""
    capital, below = drawn("H"), drawn("g")
    assert np.flatnonzero((capital > 24).any(axis=(1, 2))).max() in (30, 31, 32)
    assert np.flatnonzero((below > 24).any(axis=(1, 2))).max() > 34
    assert 225 <= capital.max() <= 235
    assert (capital[:, :4] == 24).all()


@pytest.mark.parametrize("width", [64, 200, 640])
def test_a_long_line_is_drawn_smaller_until_it_fits(width: int) -> None:
    """Its last letter is there, and the margin at the right stays empty."""
    strip = drawn(string.ascii_letters * 2, width)
    columns = np.flatnonzero((strip > 30).any(axis=(0, 2)))
    assert width / 2 < columns.max() < width - 3


def test_other_characters_become_question_marks() -> None:
    """What the strip of glyphs does not hold is shown as such, not left out."""
    np.testing.assert_array_equal(drawn("Grün°"), drawn("Gr?n?"))


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (10, 12)])
def test_a_tiny_picture_takes_what_fits(shape: tuple[int, int]) -> None:
    """Pictures smaller than a letter are no reason to fail."""
    strip = np.full((*shape, 3), 24, np.uint8)
    draw_text(strip, "corroded", (4, 30), line_px=36, grey=235)
    assert strip.shape == (*shape, 3)
