"""A bound is shared out so that who uses most gives first."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.control_room.history.shares.allotment import allot


@pytest.mark.parametrize(
    ("used", "bound", "kept"),
    [
        ({"a": 3, "b": 4}, 10, {"a": 3, "b": 4}),
        ({"a": 3, "b": 40}, 10, {"a": 3, "b": 7}),
        ({"a": 30, "b": 40}, 10, {"a": 5, "b": 5}),
        ({"a": 30, "b": 40, "c": 1}, 10, {"a": 4, "b": 5, "c": 1}),
        ({"a": 30, "b": 0}, 0, {"a": 0, "b": 0}),
        ({"a": 30}, -5, {"a": 0}),
        ({}, 10, {}),
    ],
)
def test_who_uses_most_gives_first(used, bound, kept) -> None:
    """Small users keep all, and the others one level."""
    assert allot(used, bound) == kept


@settings(max_examples=100)
@given(
    st.dictionaries(st.integers(0, 20), st.integers(0, 10**12), min_size=1),
    st.integers(0, 10**12),
)
def test_each_keeps_what_it_has_or_an_equal_part(used, bound) -> None:
    """Whatever others use; the bound is held, and nothing is taken that it does not want."""
    kept = allot(used, bound)
    assert sum(kept.values()) == min(sum(used.values()), bound)
    for key, has in used.items():
        assert min(has, bound // len(used)) <= kept[key] <= has
