"""Report what a check of a record found, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.messages.plain_text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_SHOWN = 20


class EpochReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one epoch.

    Attributes:
        first: the lowest number that is here; 0 if none is.
        last: the highest number that is here or that is named.
        repeated: how often a verdict came again unchanged.
        conflicts: further contents under a number that has one.
        given_up: numbers that are not here because the robot gave them up, as a checkpoint says.
        gaps: ranges that are missing and that nobody explains.
        end: followed by another epoch, stopped as a checkpoint says, or open.
    """

    epoch: str
    first: int
    last: int
    verdicts: int
    repeated: int
    conflicts: int
    given_up: int
    gaps: tuple[tuple[int, int], ...]
    end: str


class RobotReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one robot.

    Attributes:
        robot: site and robot.
        checkpoints: how many were used.
        signed_up_to: how far the newest checkpoint goes whose signature holds; empty without.
        problems: what is wrong or unproved.
        notes: what is neither, but should be known.
    """

    robot: str
    epochs: tuple[EpochReport, ...]
    checkpoints: int
    signed_up_to: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]


class RecordReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a record.

    Attributes:
        problems: lines that could not be read.
        left_out: messages of other kinds.
        signatures_checked: whether a key was given.
    """

    robots: tuple[RobotReport, ...]
    problems: tuple[str, ...]
    left_out: int
    signatures_checked: bool

    @property
    def count(self) -> int:
        """How many things are wrong or unproved."""
        return len(self.problems) + sum(len(robot.problems) for robot in self.robots)

    @property
    def verdicts(self) -> int:
        """How many verdicts are here."""
        return sum(epoch.verdicts for robot in self.robots for epoch in robot.epochs)

    @property
    def is_proved(self) -> bool:
        """Whether there are verdicts, and nothing is wrong or unproved."""
        return self.verdicts > 0 and self.count == 0

    @property
    def conclusion(self) -> str:
        """The one sentence that says it all."""
        if not self.verdicts:
            return "NOT PROVED: no verdict is in it"
        if not self.is_proved:
            things = "thing is" if self.count == 1 else "things are"
            return f"NOT PROVED: {self.count} {things} wrong or cannot be shown; see above"
        epochs = sum(len(robot.epochs) for robot in self.robots)
        starts = counted(epochs, "epoch")
        text = f"whole: {counted(self.verdicts, 'verdict')} of {starts}, chain unbroken, every gap named"
        if self.signatures_checked:
            return f"{text}, signed to the last"
        if any(robot.checkpoints for robot in self.robots):
            return f"{text}; signatures were not checked (--key)"
        return f"{text}; it holds no checkpoint, so nothing is signed"


def format_report(report: RecordReport) -> Iterator[str]:
    """Yield the lines of a report for people; the last one is the conclusion."""
    for robot in report.robots:
        yield robot.robot
        yield f"  {'epoch':<36} {'first':>8} {'last':>8} {'here':>8} {'again':>6} {'given up':>8}  missing"
        for epoch in robot.epochs:
            gaps = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in epoch.gaps[:5]) or "-"
            more = f", and {len(epoch.gaps) - 5} more" if len(epoch.gaps) > 5 else ""
            yield (
                f"  {epoch.epoch:<36} {epoch.first:>8} {epoch.last:>8} {epoch.verdicts:>8}"
                f" {epoch.repeated:>6} {epoch.given_up:>8}  {gaps}{more}"
            )
        if robot.signed_up_to:
            yield f"  signed up to {robot.signed_up_to}"
        yield from (f"  note: {note}" for note in _few(robot.notes))
        yield from (f"  PROBLEM: {problem}" for problem in _few(robot.problems))
    yield from (f"PROBLEM: {problem}" for problem in _few(report.problems))
    if report.left_out:
        yield f"{counted(report.left_out, 'message')} of other kinds left out"
    yield report.conclusion


def _few(texts: tuple[str, ...]) -> Iterator[str]:
    """Yield the first of many texts, and how many there are beside."""
    yield from texts[:_MOST_SHOWN]
    if len(texts) > _MOST_SHOWN:
        yield f"and {len(texts) - _MOST_SHOWN} more (--json lists them)"
