"""Count received, duplicate and missing sequence numbers per robot, in memory. No I/O.

``control_room/history/sequence_gaps.py`` records the same ranges in the control room's database, where they
survive a restart.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(slots=True)
class SequenceRanges:
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
    def last(self) -> int:
        """The highest number, 0 if there is none."""
        return self._ends[-1] if self._ends else 0

    @property
    def missing(self) -> int:
        """The count of numbers between the lowest and the highest that are not in the set."""
        return sum(start - end - 1 for start, end in zip(self._starts[1:], self._ends, strict=False))


@dataclass(slots=True)
class RobotCounts:
    """Counts of one robot's verdicts.

    Attributes:
        verdicts: received, without duplicates.
        duplicates: received again.
        numbers: received sequence numbers, by robot and epoch.
    """

    verdicts: int = 0
    duplicates: int = 0
    numbers: dict[str, SequenceRanges] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """The count of verdicts missing now; a backlog may still bring them."""
        return sum(numbers.missing for numbers in self.numbers.values())


class SequenceCounter:
    """Count the verdicts of any number of robots by their ids."""

    def __init__(self) -> None:
        self.robots: dict[str, RobotCounts] = {}

    def note(self, robot: str, verdict_id: str, seq: int) -> bool:
        """Count a verdict; return False if it is a duplicate.

        Args:
            robot: site and robot.
            verdict_id: ``{robot}:{epoch}:{seq}``.
            seq: its number.
        """
        counts = self.robots.setdefault(robot, RobotCounts())
        epoch = verdict_id.rpartition(":")[0]
        is_new = counts.numbers.setdefault(epoch, SequenceRanges()).add(seq)
        if is_new:
            counts.verdicts += 1
        else:
            counts.duplicates += 1
        return is_new
