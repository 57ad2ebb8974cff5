"""The numbers of one epoch: gaps, what was given up, what follows from what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_node.messages.checkpoint import GivenUp
from edge_node.messages.verdict import EpochEnd
from edge_node.record.epoch_numbers import EpochNumbers
from edge_node.record.lines import VerdictLine

NUMBERS = st.sets(st.integers(1, 30))
RANGES = st.lists(st.tuples(st.integers(1, 35), st.integers(0, 6)), max_size=6)


def line(seq: int) -> VerdictLine:
    """A verdict whose hash is its number, in an unbroken chain."""
    return VerdictLine("r", "e", seq, str(seq), str(seq - 1) if seq > 1 else None, None, is_chained=True)


def epoch(numbers: set[int], ranges: list[tuple[int, int]], end: int) -> EpochNumbers:
    """An epoch with these numbers and ranges given up, that ended at ``end``."""
    made = EpochNumbers()
    for seq in numbers:
        made.add(line(seq))
    for first, more in ranges:
        previous = str(first - 1) if first > 1 else None
        made.given_up.append(GivenUp(epoch="e", first=first, last=first + more, previous_sha256=previous))
    made.named.append(EpochEnd(epoch="e", seq=end, sha256=str(end)))
    made.prepare()
    return made


@given(NUMBERS, RANGES, st.integers(1, 32))
def test_each_number_is_here_given_up_or_in_a_gap(
    numbers: set[int], ranges: list[tuple[int, int]], end: int
) -> None:
    """Compared with sets."""
    made = epoch(numbers, ranges, end)
    wanted = set(range(1, max(numbers | {end}) + 1)) - numbers
    given_up = {seq for first, more in ranges for seq in range(first, first + more + 1)} & wanted
    missing = [seq for first, last in made.gaps() for seq in range(first, last + 1)]
    assert missing == sorted(wanted - given_up)
    assert made.count_given_up() == len(given_up)


@given(NUMBERS, RANGES, st.integers(1, 32))
def test_the_chain_leads_down_to_the_first_gap(
    numbers: set[int], ranges: list[tuple[int, int]], end: int
) -> None:
    """From the named end across what was given up; nothing beyond an unexplained gap, or above the end."""
    made = epoch(numbers, ranges, end)
    gaps = {seq for first, last in made.gaps() for seq in range(first, last + 1)}
    unreached = set(made.unreached(made.named))
    for seq in numbers:
        if seq > end or any(gap in gaps for gap in range(seq + 1, end + 1)):
            assert seq in unreached
    if not gaps and not ranges:
        assert unreached == {seq for seq in numbers if seq > end}
