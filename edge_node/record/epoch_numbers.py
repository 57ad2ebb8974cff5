"""Hold what a record has of one epoch: numbers, hashes, what was given up, and what follows from what."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_node.messages.checkpoint import GivenUp
    from edge_node.messages.verdict import EpochEnd
    from edge_node.record.lines import VerdictLine


NO_CHAIN = "made by a version without the chain"  # why a verdict does not provably follow


@dataclass(slots=True)
class EpochNumbers:
    """One epoch of one robot.

    Attributes:
        verdicts: by number; of several with one number the one that the chain names.
        others: further verdicts that came under a number with other content.
        repeated: how often one came again unchanged.
        before: the end of the epoch before, by whoever says so.
        is_first: a checkpoint says that nothing came before it.
        given_up: ranges that the robot gave up.
        named: numbers that somebody else names, with their hashes: checkpoints, the next epoch.
        final: the number after which no verdict follows, by a checkpoint.
    """

    verdicts: dict[int, VerdictLine] = field(default_factory=dict)
    others: dict[int, list[VerdictLine]] = field(default_factory=dict)
    repeated: int = 0
    before: list[EpochEnd] = field(default_factory=list)
    is_first: bool = False
    given_up: list[GivenUp] = field(default_factory=list)
    named: list[EpochEnd] = field(default_factory=list)
    final: int | None = None
    _firsts: list[int] = field(default_factory=list)
    _merged: list[tuple[int, int]] = field(default_factory=list)

    def add(self, line: VerdictLine) -> None:
        """Add a verdict."""
        known = self.verdicts.setdefault(line.seq, line)
        if known is line:
            return
        if line.sha256 in (known.sha256, *(one.sha256 for one in self.others.get(line.seq, ()))):
            self.repeated += 1
        else:
            self.others.setdefault(line.seq, []).append(line)

    def note_before(self) -> None:
        """Take the end of the epoch before from the first verdicts, whichever of them is true."""
        for line in (self.verdicts.get(1), *self.others.get(1, ())):
            if line is not None and line.before is not None and line.before not in self.before:
                self.before.append(line.before)

    def prepare(self) -> None:
        """Sort the ranges, and prefer verdicts that the chain names; to be called once all is added."""
        self.given_up.sort(key=lambda one: (one.first, one.last))
        self._firsts = [one.first for one in self.given_up]
        for one in self.given_up:
            if self._merged and one.first <= self._merged[-1][1] + 1:
                self._merged[-1] = self._merged[-1][0], max(one.last, self._merged[-1][1])
            else:
                self._merged.append((one.first, one.last))
        named = {end.seq: end.sha256 for end in self.named}
        for seq in sorted(self.others, reverse=True):
            behind = self.verdicts.get(seq + 1)
            wanted = behind.previous_sha256 if behind else named.get(seq)
            candidates = [self.verdicts[seq], *self.others[seq]]
            chosen = next((one for one in candidates if one.sha256 == wanted), candidates[0])
            self.verdicts[seq] = chosen
            self.others[seq] = [one for one in candidates if one is not chosen]

    @property
    def highest(self) -> int:
        """The highest number that is here or that somebody names."""
        return max([*self.verdicts, *(end.seq for end in self.named)], default=0)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges that are neither here nor given up."""
        expected = 1
        for seq in sorted(self.verdicts):
            yield from self._unexplained(expected, seq - 1)
            expected = seq + 1
        yield from self._unexplained(expected, self.highest)

    def count_given_up(self) -> int:
        """Count the numbers that were given up and are not here."""
        numbers, count = sorted(self.verdicts), 0
        for first, last in self._merged:
            here = bisect_right(numbers, last) - bisect_left(numbers, first)
            count += max(0, min(last, self.highest) - first + 1 - here)
        return count

    def breaks(self) -> dict[int, str]:
        """Return the numbers that do not provably follow from the one before, each with what is wrong.

        The text is empty where the one before is missing, which is told as a gap.
        """
        found = {}
        for seq, line in self.verdicts.items():
            reason = self._break_at(seq, line)
            if reason is not None:
                found[seq] = reason
        return found

    def step_over(self, seq: int) -> tuple[int, str | None]:
        """Return the number before ``seq`` across what was given up, and the hash it should have if known."""
        previous_sha256 = None
        before = seq - 1
        while before >= 1 and before not in self.verdicts and (one := self._range_at(before)) is not None:
            before, previous_sha256 = one.first - 1, one.previous_sha256
        return before, previous_sha256

    def unreached(self, proved: Iterable[EpochEnd]) -> list[int]:
        """Return the numbers that the chain does not lead to from one of the ends ``proved``, in order."""
        points = set()
        for end in proved:
            number, sha256 = end.seq, end.sha256
            if number not in self.verdicts:
                number, sha256 = self.step_over(number + 1)
            if number in self.verdicts and self.verdicts[number].sha256 == sha256:
                points.add(number)
        breaks, is_reached, found = self.breaks(), False, []
        for seq in sorted(self.verdicts, reverse=True):
            is_reached |= seq in points
            if not is_reached:
                found.append(seq)
            is_reached = is_reached and seq not in breaks
        return found[::-1]

    def _break_at(self, seq: int, line: VerdictLine) -> str | None:  # noqa: PLR0911  one for each case
        """Return why a verdict does not follow from the one before; None if it does."""
        if not line.is_chained:
            return NO_CHAIN
        if seq == 1:
            return "it names a verdict before it, though it is the first" if line.previous_sha256 else None
        if line.previous_sha256 is None:
            return "it names no verdict before it"
        before = self.verdicts.get(seq - 1)
        if before is not None:
            return None if line.previous_sha256 == before.sha256 else f"it does not follow number {seq - 1}"
        number, wanted = self.step_over(seq)
        if number < 1:
            return None
        if number not in self.verdicts or wanted is None:
            return ""
        if wanted != self.verdicts[number].sha256:
            return f"number {number} is not the one that was before what the robot gave up"
        return None

    def _unexplained(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of a missing range that were not given up."""
        at = first
        for begin, end in self._merged[max(0, bisect_right(self._merged, (first, 0)) - 1) :]:
            if begin > last:
                break
            if begin > at:
                yield at, begin - 1
            at = max(at, end + 1)
        if at <= last:
            yield at, last

    def _range_at(self, seq: int) -> GivenUp | None:
        """Return a given-up range with ``seq`` in it."""
        for at in range(bisect_right(self._firsts, seq) - 1, -1, -1):
            if self.given_up[at].last >= seq:
                return self.given_up[at]
        return None
