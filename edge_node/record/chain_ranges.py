"""Join an epoch's verdicts, in whatever order they come, to ranges in which each names the hash before. Pure.

A range is all that must be kept of its verdicts to check the next one: those in the middle may be deleted.
Two ranges that touch and were not joined are a break of the chain, which thus needs no record of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class RangeKind(IntEnum):
    """What is known of the verdicts of a range."""

    UNKNOWN = 0  # stored by a version that kept no hash
    UNCHAINED = 1  # they name no verdict before them: made by a version without the chain, or taken out
    LINKED = 2  # each names the hash of the one before
    TANGLED = 3  # so many ranges that they are not kept apart: nothing is proved of them


@dataclass(frozen=True, slots=True)
class ChainRange:
    """Numbers without a gap, both ends included.

    Attributes:
        first_previous: the hash that the first names as the one before it; None if it names none.
        last_sha256: hash of the last; None where nobody kept it.
    """

    first: int
    last: int
    kind: RangeKind
    first_previous: bytes | None
    last_sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Break:
    """Two verdicts with consecutive numbers of which the second does not follow from the first.

    Attributes:
        seq: number of the second.
        wanted: the hash that it names; None if it names none.
        found: the hash of the one before.
    """

    seq: int
    wanted: bytes | None
    found: bytes | None


def range_of(seq: int, sha256: bytes | None, previous: bytes | None, *, is_chained: bool) -> ChainRange:
    """Return the range of one verdict.

    Args:
        seq: its number.
        sha256: of its payload; None where nobody kept it.
        previous: the hash that it names.
        is_chained: it has the field, be it null, as the first of an epoch does.
    """
    if sha256 is None:
        kind = RangeKind.UNKNOWN
    elif previous is not None or (is_chained and seq == 1):
        kind = RangeKind.LINKED
    else:
        kind = RangeKind.UNCHAINED
    return ChainRange(seq, seq, kind, previous, sha256)


def join_verdicts(verdicts: Iterable[tuple[int, bytes | None, bytes | None, bool]]) -> Iterator[ChainRange]:
    """Yield the ranges of verdicts in the order of their numbers, those that are joined as one.

    Each is its number, its hash, the hash that it names, and whether it is chained, as in ``range_of``.
    """
    held: ChainRange | None = None
    first_previous = last = None
    at = 0
    for seq, sha256, previous, is_chained in verdicts:
        if held is not None and seq == at + 1 and sha256 is not None:  # mostly: a batch has hundreds
            is_linked = held.kind is RangeKind.LINKED and previous is not None and previous == last
            if is_linked or (held.kind is RangeKind.UNCHAINED and previous is None):
                at, last = seq, sha256
                continue
        if held is not None:
            yield ChainRange(held.first, at, held.kind, first_previous, last)
        held = range_of(seq, sha256, previous, is_chained=is_chained)
        at, last, first_previous = seq, sha256, previous
    if held is not None:
        yield ChainRange(held.first, at, held.kind, first_previous, last)


class ChainRanges:
    """The ranges of an epoch, or of a part of one; not thread-safe."""

    def __init__(self, ranges: Iterable[ChainRange] = ()) -> None:
        """Begin with ranges that do not overlap."""
        self._ranges = sorted(ranges, key=lambda one: one.first)

    def __iter__(self) -> Iterator[ChainRange]:
        """Iterate over the ranges from the lowest number."""
        return iter(self._ranges)

    def add(self, new: ChainRange) -> bool:
        """Add a range, and join it with those that it touches; return False if its numbers are here."""
        at = bisect_left(self._ranges, new.first, key=lambda one: one.first)
        before = self._ranges[at - 1] if at else None
        after = self._ranges[at] if at < len(self._ranges) else None
        if (before and before.last >= new.first) or (after and after.first <= new.last):
            return False
        begin, end = at, at
        if before and before.last + 1 == new.first and _is_joined(before, new):
            begin, new = at - 1, _join(before, new)
        if after and new.last + 1 == after.first and _is_joined(new, after):
            end, new = at + 1, _join(new, after)
        self._ranges[begin:end] = [new]
        return True

    def find(self, seq: int) -> ChainRange | None:
        """Return the range with a number in it; None if that is not here."""
        at = bisect_left(self._ranges, seq + 1, key=lambda one: one.first) - 1
        return self._ranges[at] if at >= 0 and self._ranges[at].last >= seq else None

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Yield the missing numbers between the ranges."""
        for before, after in zip(self._ranges, self._ranges[1:], strict=False):
            if before.last + 1 < after.first:
                yield before.last + 1, after.first - 1

    def breaks(self) -> Iterator[Break]:
        """Yield where the chain is broken, from the lowest number."""
        first = self._ranges[0] if self._ranges else None
        if first and first.first == 1 and first.first_previous is not None:
            yield Break(1, first.first_previous, None)
        for before, after in zip(self._ranges, self._ranges[1:], strict=False):
            kinds = {before.kind, after.kind}
            if before.last + 1 == after.first and not kinds & {RangeKind.UNKNOWN, RangeKind.TANGLED}:
                yield Break(after.first, after.first_previous, before.last_sha256)

    def tangle(self, count: int) -> None:
        """Make one range of the lowest ``count``, which gives up telling them apart."""
        lowest = self._ranges[:count]
        if len(lowest) > 1:
            first, last = lowest[0], lowest[-1]
            tangled = ChainRange(
                first.first, last.last, RangeKind.TANGLED, first.first_previous, last.last_sha256
            )
            self._ranges[:count] = [tangled]


def _is_joined(before: ChainRange, after: ChainRange) -> bool:
    """Tell whether nothing is broken, or can be, between two ranges that touch."""
    if before.kind is not after.kind or before.kind is RangeKind.TANGLED:
        return False
    return before.kind is not RangeKind.LINKED or after.first_previous == before.last_sha256


def _join(before: ChainRange, after: ChainRange) -> ChainRange:
    return ChainRange(before.first, after.last, before.kind, before.first_previous, after.last_sha256)
