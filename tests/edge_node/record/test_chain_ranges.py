"""Ranges of a chain are the same in whatever order the verdicts come, and touch where the chain is broken."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from edge_node.record.chain_ranges import Break, ChainRange, ChainRanges, RangeKind, join_verdicts, range_of


def _hash(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def chained(seq: int, previous: int | None = None) -> ChainRange:
    """A verdict that names the one before, or another one."""
    named = seq - 1 if previous is None else previous
    return range_of(seq, _hash(seq), _hash(named) if named else None, is_chained=True)


numbers = st.lists(st.integers(1, 30), min_size=1, max_size=40)
wrong = st.dictionaries(st.integers(2, 30), st.sampled_from(["other", "none", "unknown"]), max_size=4)


@given(numbers, wrong, st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_repetitions_change_nothing(numbers, wrong, random) -> None:
    """Any order, gaps, duplicates, other hashes, stripped links and rows without a hash: the same answer."""

    def verdict_of(seq: int) -> ChainRange:
        kind = wrong.get(seq)
        if kind == "none":
            return range_of(seq, _hash(seq), None, is_chained=False)
        if kind == "unknown":
            return range_of(seq, None, None, is_chained=False)
        return chained(seq, 99 if kind == "other" else None)

    in_order, shuffled = ChainRanges(), ChainRanges()
    for seq in sorted(set(numbers)):
        assert in_order.add(verdict_of(seq))
    order = list(numbers)
    random.shuffle(order)
    added = [shuffled.add(verdict_of(seq)) for seq in order]
    assert sum(added) == len(set(numbers))
    assert list(shuffled) == list(in_order)
    assert list(shuffled.breaks()) == list(in_order.breaks())
    bad = {at for at, kind in wrong.items() if kind == "other"}
    assert {one.seq for one in shuffled.breaks()} >= {
        seq for seq in set(numbers) & bad if seq - 1 in numbers and wrong.get(seq - 1) != "unknown"
    }


@given(numbers, wrong)
def test_a_batch_is_joined_as_one_by_one(numbers, wrong) -> None:
    """The short way of a whole batch gives the same ranges."""
    verdicts = []
    for seq in sorted(set(numbers)):
        kind = wrong.get(seq)
        named = None if kind == "none" or seq == 1 else _hash(99 if kind == "other" else seq - 1)
        verdicts.append((seq, None if kind == "unknown" else _hash(seq), named, kind != "none"))
    single = ChainRanges()
    for seq, sha256, previous, is_chained in verdicts:
        single.add(range_of(seq, sha256, previous, is_chained=is_chained))
    batch = ChainRanges()
    for one in join_verdicts(verdicts):
        batch.add(one)
    assert list(batch) == list(single)


def test_a_break_tells_where_and_both_values() -> None:
    """Number 3 names another verdict than the one that is here as number 2."""
    ranges = ChainRanges()
    for one in (chained(1), chained(2), chained(3, previous=77), chained(4)):
        ranges.add(one)
    assert list(ranges.breaks()) == [Break(3, _hash(77), _hash(2))]
    assert [(one.first, one.last) for one in ranges] == [(1, 2), (3, 4)]


def test_a_robot_without_a_chain_is_not_broken() -> None:
    """Verdicts that name none are one range of their own kind; a chained one between them is a break."""
    ranges = ChainRanges()
    for seq in (1, 2, 4, 3):
        ranges.add(range_of(seq, _hash(seq), None, is_chained=False))
    assert [(one.last, one.kind) for one in ranges] == [(4, RangeKind.UNCHAINED)]
    assert not list(ranges.breaks())
    ranges.add(chained(5))
    assert [one.seq for one in ranges.breaks()] == [5]


def test_too_many_ranges_become_one_that_proves_nothing() -> None:
    """The table stays small, and nothing that is left reads as linked."""
    ranges = ChainRanges(chained(seq) for seq in range(1, 21, 2))
    ranges.tangle(8)
    kinds = [(one.first, one.last, one.kind) for one in ranges]
    assert kinds == [(1, 15, RangeKind.TANGLED), (17, 17, RangeKind.LINKED), (19, 19, RangeKind.LINKED)]
    assert list(ranges.gaps()) == [(16, 16), (18, 18)]
    assert not ranges.add(chained(2))
    assert ranges.find(7) is not None
    assert ranges.find(16) is None
