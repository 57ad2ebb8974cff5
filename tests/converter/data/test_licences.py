"""Licences by their words: stated or not, and for whom."""

from __future__ import annotations

import pytest

from converter.data.licences import is_non_commercial, is_unstated


@pytest.mark.parametrize(
    ("licence", "unstated", "bound"),
    [
        ("CC BY 4.0", False, False),
        ("CC BY-NC-SA 4.0", False, True),
        ("for research only", False, True),
        ("none stated", True, False),
        ("", True, False),
        ("All rights reserved", True, False),
        ("Apache-2.0", False, False),
    ],
)
def test_words_of_a_licence_say_what_it_allows(licence, unstated, bound):
    """Nothing stated allows nothing; NC is bound wherever it stands."""
    assert (is_unstated(licence), is_non_commercial(licence)) == (unstated, bound)
