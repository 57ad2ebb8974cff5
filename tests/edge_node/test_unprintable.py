"""Characters that no name may hold."""

from __future__ import annotations

import pytest

from edge_node.unprintable import find_unprintable, replace_unprintable


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("L-7 Ölleitung 管道 خط", ""),
        ("a\x1b[2J", "U+001B"),
        ("a\x00", "U+0000"),
        ("a\x9b2J", "U+009B"),
        ("gnp.\u202eexe", "U+202E"),
        ("\u2066a", "U+2066"),
        (("a", {"b": ["c\x07"]}), "U+0007"),
        ({"a\n": 1}, "U+000A"),
        (5, ""),
    ],
)
def test_controls_and_turned_text_are_found_wherever_they_stand(value: object, found: str) -> None:
    """In a text, a list or a table; writing of every language is none."""
    assert find_unprintable(value) == found


def test_a_text_of_several_lines_may_have_them() -> None:
    """Tabs and line breaks, and nothing else."""
    assert find_unprintable("gst:\n\tv4l2src", allows_layout=True) == ""
    assert find_unprintable("gst:\n\x1b", allows_layout=True) == "U+001B"


def test_what_comes_from_elsewhere_is_made_harmless() -> None:
    """Each such character becomes one sign that shows it was there; layout and all else stay."""
    value = {"a\x1b": ["b\u202ec", 1, None, "d\n\u00fc"]}
    assert replace_unprintable(value) == {"a\ufffd": ["b\ufffdc", 1, None, "d\n\u00fc"]}
