"""Count received, duplicate and missing sequence numbers per robot, in memory. No I/O.

``control_room/history/sequence_gaps.py`` records the same ranges in the control room's database, where they
survive a restart.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import field

from edge_node.messages.identifiers import split_verdict_id
from edge_node.plain_struct import MutableStruct

if TYPE_CHECKING:
    from edge_node.messages.verdict import EpochEnd, Verdict

_MAX_EPOCHS = 1000  # of a robot; it begins one at each start
_MAX_HASHES = 1000  # of a robot's newest verdicts; a link that breaks repeats 20


class Novelty(Enum):
    """Whether a verdict with its id arrived before."""

    NEW = "new"
    REPEATED = "repeated"  # the same, or too old to remember its content
    CONFLICT = "conflict"  # another verdict had its id


class SequenceRanges(MutableStruct):
    """A set of whole numbers, held as disjoint ranges: a day of verdicts without gaps is one range."""

    _starts: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)  # inclusive

    def add(self, number: int) -> bool:
        """Add ``number``; return False if it is in the set."""
        at = bisect_right(self._starts, number)
        if at and number <= self._ends[at - 1]:
            return False
        joins_before = at > 0 and self._ends[at - 1] == number - 1
        joins_after = at < len(self._starts) and self._starts[at] == number + 1
        if joins_before and joins_after:
            self._ends[at - 1] = self._ends.pop(at)
            self._starts.pop(at)
        elif joins_before:
            self._ends[at - 1] = number
        elif joins_after:
            self._starts[at] = number
        else:
            self._starts.insert(at, number)
            self._ends.insert(at, number)
        return True

    def take_up_to(self, number: int) -> list[tuple[int, int]]:
        """Remove the numbers up to ``number`` and return them as ranges, both ends included."""
        at = bisect_right(self._starts, number)
        taken = list(zip(self._starts[:at], self._ends[:at], strict=True))
        del self._starts[:at], self._ends[:at]
        if taken and taken[-1][1] > number:
            self._starts.insert(0, number + 1)
            self._ends.insert(0, taken[-1][1])
            taken[-1] = taken[-1][0], number
        return taken

    @property
    def first(self) -> int:
        """The lowest number, 0 if there is none."""
        return self._starts[0] if self._starts else 0

    @property
    def last(self) -> int:
        """The highest number, 0 if there is none."""
        return self._ends[-1] if self._ends else 0

    @property
    def missing(self) -> int:
        """The count of numbers between the lowest and the highest that are not in the set."""
        return sum(start - end - 1 for start, end in zip(self._starts[1:], self._ends, strict=False))


class _Epoch(MutableStruct):
    """One epoch's received numbers.

    Attributes:
        from_start: it is not the first that was heard, nor before it: number 1 is expected.
        named_seq: its end, as the first verdict of the next epoch names it; 0 before.
        previous: the epoch before.
    """

    from_start: bool
    numbers: SequenceRanges = field(default_factory=SequenceRanges)
    named_seq: int = 0
    previous: str | None = None

    @property
    def missing(self) -> int:
        """The count of missing numbers, up to its end if that is known."""
        numbers = self.numbers
        if not numbers.last:
            return self.named_seq if self.from_start else 0
        head = numbers.first - 1 if self.from_start else 0
        return head + numbers.missing + max(self.named_seq - numbers.last, 0)


class RobotCounts(MutableStruct):
    """Counts of one robot's verdicts.

    Attributes:
        verdicts: received, without duplicates.
        duplicates: received again.
        conflicts: received under the id of another verdict, as far as that is remembered.
        missing: missing now; a backlog may still bring them.
    """

    verdicts: int = 0
    duplicates: int = 0
    conflicts: int = 0
    missing: int = 0
    _epochs: dict[str, _Epoch] = field(default_factory=dict)
    _hashes: dict[str, bytes] = field(default_factory=dict)

    def note(self, verdict: Verdict, payload: bytes) -> Novelty:
        """Count a verdict, and tell whether it is new."""
        epoch, before = split_verdict_id(verdict.id).epoch, verdict.previous_epoch
        known = self._find(epoch)
        self.missing -= known.missing
        is_new = known.numbers.add(verdict.seq)
        self.missing += known.missing
        if before is not None and before.epoch != epoch:
            self._follow(known, before)
        sha256 = hashlib.sha256(payload).digest()
        if is_new:
            self.verdicts += 1
            self._hashes[verdict.id] = sha256
            if len(self._hashes) > _MAX_HASHES:
                del self._hashes[next(iter(self._hashes))]
            return Novelty.NEW
        if self._hashes.get(verdict.id, sha256) != sha256:
            self.conflicts += 1
            return Novelty.CONFLICT
        self.duplicates += 1
        return Novelty.REPEATED

    def _find(self, epoch: str) -> _Epoch:
        """Return an epoch; the oldest is forgotten where there are many."""
        found = self._epochs.get(epoch)
        if found is None:
            found = self._epochs[epoch] = _Epoch(from_start=bool(self._epochs))
            if len(self._epochs) > _MAX_EPOCHS:
                oldest = next(iter(self._epochs))
                self.missing -= self._epochs.pop(oldest).missing
        return found

    def _follow(self, epoch: _Epoch, before: EpochEnd) -> None:
        """Note the end of the epoch before; those before the first that was heard need not begin at 1."""
        epoch.previous = before.epoch
        previous = self._find(before.epoch)
        self.missing -= previous.missing
        previous.named_seq = max(previous.named_seq, before.seq)
        self.missing += previous.missing
        while not epoch.from_start and epoch.previous in self._epochs:
            epoch = self._epochs[epoch.previous]
            if not epoch.from_start:
                return
            self.missing -= epoch.missing
            epoch.from_start = False
            self.missing += epoch.missing


class SequenceCounter:
    """Count the verdicts of any number of robots by their ids."""

    def __init__(self) -> None:
        self.robots: dict[str, RobotCounts] = {}

    def note(self, robot: str, verdict: Verdict, payload: bytes) -> Novelty:
        """Count a verdict of ``robot``, its site and name, and tell whether it is new."""
        return self.robots.setdefault(robot, RobotCounts()).note(verdict, payload)
