"""Add up the verdicts of a mission for its report: outcomes, bundles, numbers, places, how long it lasted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from edge_node.control_room.history.records import VerdictRecord
    from edge_node.messages.verdict import BundleReference, Pose, Verdict


@dataclass(slots=True)
class Totals:
    """Running totals over all verdicts."""

    first: Verdict | None = None
    last: Verdict | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    reason_texts: dict[str, str] = field(default_factory=dict)
    assets: Counter[str] = field(default_factory=Counter)
    bundles: Counter[BundleReference] = field(default_factory=Counter)
    configurations: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    time_quality: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    places_m: list[float] = field(default_factory=list)
    judged_m: list[float] = field(default_factory=list)
    boots: dict[str, tuple[int, int]] = field(default_factory=dict)
    dropped: int = 0
    unchanged: int = 0
    replayed: int = 0

    def lasted_s(self) -> float:
        """Return the time from the first to the last; the clock may have been set in between.

        The time between two boots is known by the wall clock alone; it is left out where that contradicts.
        """
        running_s = sum(end - begin for begin, end in self.boots.values()) / 1e9
        if len(self.boots) < 2 or self.first is None or self.last is None:
            return running_s
        return max(running_s, (self.last.observed_at - self.first.observed_at).total_seconds())

    def number_ranges(self) -> dict[str, tuple[int, int]]:
        """Return the lowest and highest number of each epoch, in the order in which the epochs came."""
        order = sorted(self.numbers, key=lambda epoch: self.numbers[epoch][2])
        return {epoch: self.numbers[epoch][:2] for epoch in order}

    def add(self, record: VerdictRecord) -> None:
        """Add one verdict; called in order of the robot's time."""
        verdict = record.verdict
        self.first, self.last = self.first or verdict, verdict
        self.outcomes[verdict.outcome.value] += 1
        if verdict.outcome in (Outcome.UNCERTAIN, Outcome.NOT_INSPECTABLE):
            for reason in verdict.reasons:
                self.reasons[reason.code] += 1
                self.reason_texts.setdefault(reason.code, reason.text)
        if verdict.asset:
            self.assets[verdict.asset] += 1
        self.bundles[verdict.bundle] += 1
        self.configurations[verdict.config_sha256] += 1
        self.sources[verdict.source] += 1
        self.time_quality[verdict.time_quality] += 1
        epoch = split_verdict_id(verdict.id).epoch
        low, high, place = self.numbers.get(epoch, (verdict.seq, verdict.seq, record.position))
        self.numbers[epoch] = min(low, verdict.seq), max(high, verdict.seq), min(place, record.position)
        begin, end = self.boots.get(verdict.boot_id, (verdict.monotonic_ns, verdict.monotonic_ns))
        self.boots[verdict.boot_id] = min(begin, verdict.monotonic_ns), max(end, verdict.monotonic_ns)
        self.dropped += verdict.frames_dropped
        self.unchanged += verdict.frames_unchanged
        self.replayed += record.replayed
        place_m = distance_m(verdict.pose)
        if place_m is not None:
            self.places_m.append(place_m)
            if verdict.outcome in (Outcome.CORRODED, Outcome.UNCORRODED):
                self.judged_m.append(place_m)


def distance_m(pose: Pose | None) -> float | None:
    """Return the distance along the path; None if unknown."""
    return pose.distance_m if pose is not None else None
