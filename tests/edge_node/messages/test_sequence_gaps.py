"""Sequence numbers as a set that knows what is missing."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edge_node.messages.sequence_gaps import Novelty, SequenceCounter, SequenceRanges
from edge_node.messages.verdict import EpochEnd, encode
from tests.support.verdicts import verdict


@given(st.lists(st.integers(1, 60)))
def test_numbers_are_a_set_that_knows_what_is_missing(values: list[int]) -> None:
    """Whatever the order: new or not, the highest, and how many are missing in between."""
    numbers, known = SequenceRanges(), set()
    for value in values:
        assert numbers.add(value) == (value not in known)
        known.add(value)
        assert numbers.last == max(known)
        assert numbers.missing == max(known) - min(known) + 1 - len(known)


@given(st.sets(st.integers(1, 40)), st.integers(0, 45))
def test_what_is_taken_is_all_up_to_a_number(values: set[int], number: int) -> None:
    """As ranges; the rest stays."""
    numbers = SequenceRanges()
    for value in values:
        numbers.add(value)
    taken = [value for first, last in numbers.take_up_to(number) for value in range(first, last + 1)]
    assert taken == sorted(value for value in values if value <= number)
    rest = [value for first, last in numbers.take_up_to(99) for value in range(first, last + 1)]
    assert rest == sorted(value for value in values if value > number)


def note(counter: SequenceCounter, verdict_id: str, before: tuple[str, int] | None = None) -> bool:
    """Count a verdict of a robot, given its id and the end of the epoch before."""
    seq = int(verdict_id.rsplit(":", 1)[1])
    end = EpochEnd(epoch=before[0], seq=before[1], sha256=None) if before else None
    said = msgspec.structs.replace(verdict(seq, "U"), id=verdict_id, previous_epoch=end)
    return counter.note(f"s/{verdict_id[0]}", said, encode(said)) is Novelty.NEW


def test_epochs_and_robots_are_counted_apart() -> None:
    """A number of another epoch or robot is no duplicate, and no gap."""
    counter = SequenceCounter()
    assert [note(counter, one) for one in ("a:x:1", "a:y:1", "a:x:1")] == [True, True, False]
    assert note(counter, "b:x:9")
    assert (counter.robots["s/a"].verdicts, counter.robots["s/a"].duplicates) == (2, 1)
    assert counter.robots["s/b"].missing == 0


def test_what_is_missing_at_the_end_of_an_epoch_is_known_from_the_next() -> None:
    """Also a whole epoch, and the beginning of a later one; what was before the first heard is not."""
    counter = SequenceCounter()
    steps = [
        ("a:x:7", None, 0),
        ("a:z:2", None, 1),  # z:1
        ("a:z:1", ("y", 3), 3),  # y:1 to y:3
        ("a:y:1", ("x", 9), 4),  # y:2, y:3, x:8, x:9
        ("a:x:1", ("w", 50), 9),  # and x:2 to x:6; w was over before x was heard
        ("a:w:49", None, 10),  # w:50
        ("a:x:9", None, 9),
    ]
    for verdict_id, before, missing in steps:
        assert note(counter, verdict_id, before)
        assert counter.robots["s/a"].missing == missing, verdict_id


def test_another_verdict_with_a_known_id_is_no_duplicate() -> None:
    """Its bytes tell, as long as they are remembered."""
    counter = SequenceCounter()
    first, other = encode(verdict(1, "U")), encode(verdict(1, "C"))
    assert counter.note("s/r", verdict(1, "U"), first) is Novelty.NEW
    assert counter.note("s/r", verdict(1, "U"), first) is Novelty.REPEATED
    assert counter.note("s/r", verdict(1, "C"), other) is Novelty.CONFLICT
    assert (counter.robots["s/r"].duplicates, counter.robots["s/r"].conflicts) == (1, 1)
    for seq in range(2, 1500):
        counter.note("s/r", verdict(seq, "U"), b"")
    assert counter.note("s/r", verdict(1, "C"), other) is Novelty.REPEATED


def test_a_robot_in_a_crash_loop_does_not_fill_memory() -> None:
    """The oldest epochs are forgotten, with what they lacked."""
    counter = SequenceCounter()
    for number in range(1, 1500):
        note(counter, f"a:{number}:1", (f"{number - 1}", 2))
    assert counter.robots["s/a"].verdicts == 1499
    assert counter.robots["s/a"].missing < 1000
