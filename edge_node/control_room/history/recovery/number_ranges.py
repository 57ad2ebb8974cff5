"""Sets of whole numbers as sorted, disjoint ranges, both ends included: add one to another, take one away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Range = tuple[int, int]


def join(*sets: Iterable[Range]) -> list[Range]:
    """Return the numbers that are in any of the sets, whose ranges may overlap and be in any order."""
    joined: list[Range] = []
    for first, last in sorted(one for ranges in sets for one in ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def subtract(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Return the numbers that are in ``ranges`` and not in ``taken``."""
    left: list[Range] = []
    away = join(taken)
    for first, last in join(ranges):
        begin = first
        for start, end in away:
            if start > last:
                break
            if end < begin:
                continue
            if start > begin:
                left.append((begin, start - 1))
            begin = end + 1
        if begin <= last:
            left.append((begin, last))
    return left


def cut_below(ranges: Iterable[Range], lowest: int) -> list[Range]:
    """Return the numbers of ``ranges`` that are at least ``lowest``."""
    return [(max(first, lowest), last) for first, last in ranges if last >= lowest]


def count(ranges: Iterable[Range]) -> int:
    """Return how many numbers there are."""
    return sum(last - first + 1 for first, last in ranges)
