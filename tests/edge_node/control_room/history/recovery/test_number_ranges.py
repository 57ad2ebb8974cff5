"""Sets of numbers as ranges are added, taken away and counted as sets are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_node.control_room.history.recovery.number_ranges import count, cut_below, join, subtract

RANGES = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))
)


def numbers(ranges) -> set[int]:
    """The numbers that the ranges stand for."""
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(RANGES, RANGES, st.integers(1, 50))
def test_ranges_are_sets(one, other, lowest) -> None:
    """Joining, taking away and cutting do to ranges what they do to sets of numbers."""
    assert numbers(join(one, other)) == numbers(one) | numbers(other)
    assert numbers(subtract(one, other)) == numbers(one) - numbers(other)
    assert numbers(cut_below(one, lowest)) == {number for number in numbers(one) if number >= lowest}
    assert count(subtract(one, other)) == len(numbers(one) - numbers(other))


@given(RANGES, RANGES)
def test_ranges_stay_apart(one, other) -> None:
    """Each number is in one range, and ranges that touch are one: so a history stores them."""
    for ranges in (join(one, other), subtract(one, other)):
        assert all(first <= last for first, last in ranges)
        assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))
