"""Sequence numbers as a set that knows what is missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_node.messages.sequence_gaps import SequenceCounter, SequenceRanges


@given(st.lists(st.integers(1, 60)))
def test_numbers_are_a_set_that_knows_what_is_missing(values: list[int]) -> None:
    """Whatever the order: new or not, the highest, and how many are missing in between."""
    numbers, known = SequenceRanges(), set()
    for value in values:
        assert numbers.add(value) == (value not in known)
        known.add(value)
        assert numbers.last == max(known)
        assert numbers.missing == max(known) - min(known) + 1 - len(known)


def test_epochs_and_robots_are_counted_apart() -> None:
    """A number of another epoch or robot is no duplicate, and no gap."""
    tally = SequenceCounter()
    assert [tally.note("s/a", f"a:{epoch}:{seq}", seq) for epoch, seq in (("x", 1), ("y", 1), ("x", 1))] == [
        True,
        True,
        False,
    ]
    assert tally.note("s/b", "b:x:9", 9)
    assert (tally.robots["s/a"].verdicts, tally.robots["s/a"].duplicates) == (2, 1)
    assert tally.robots["s/b"].missing == 0
