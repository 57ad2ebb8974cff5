"""Summarize a finding and its verdicts: where it was seen, how large it is, how much its verdicts scatter."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.records import Measure, Summary
from edge_node.control_room.history.queries import select_verdicts_of
from edge_node.messages.finding import FindingState
from edge_node.messages.identifiers import split_verdict_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import VerdictRecord
    from edge_node.messages.finding import Finding
    from edge_node.messages.verdict import Verdict

MAX_VERDICTS = 300  # of a finding that are measured, its first ones
_MIDDLE_PART = 0.25  # of a finding's length on each side of its middle: there it is wholly in view
_LEAST_MIDDLE_M = 0.05
_ENOUGH = 3
_WRONG_CLOCK = timedelta(days=1)  # between a robot's clock that nobody sets and the arrival


def measure(database: Database, found: Finding, received_at: datetime) -> tuple[Summary, int]:
    """Return what a finding says of its place, and how many of its verdicts were there to measure."""
    records = select_verdicts_of(database, found, MAX_VERDICTS)
    verdicts = [record.verdict for record in records]
    distance_m = _find_middle(found, verdicts)
    central = _choose_central(found, verdicts, distance_m)
    first, last = split_verdict_id(found.first_verdict), split_verdict_id(found.last_verdict)
    begin, end = found.from_pose, found.to_pose
    space = _middle_in_space(found)
    summary = Summary(
        epoch=first.epoch,
        first_seq=_number(first.seq),
        last_epoch=last.epoch,
        last_seq=_number(last.seq),
        at=_date(found, records, received_at),
        first_at=found.first_observed_at,
        last_at=found.last_observed_at,
        is_open=found.state is not FindingState.CLOSED,
        frames=found.frames,
        distance_m=distance_m,
        from_m=begin.distance_m if begin else None,
        to_m=end.distance_m if end else None,
        x_m=space[0],
        y_m=space[1],
        z_m=space[2],
        sigma_m=_median(pose.sigma_m for pose in (begin, end) if pose),
        material=found.material,
        form=found.form,
        severity=found.peak_severity,
        confidence=found.peak_confidence,
        area_fraction=found.peak_area_fraction,
        area_mm2=found.peak_area_mm2,
        picture=found.best_evidence_sha256,
        measures=_measure_all(central),
        severities=dict(Counter(one.severity for one in central if one.severity)),
        mm_per_px=_median(one.mm_per_px for one in central),
        range_mm=_median(one.pose.range_mm for one in central if one.pose),
        source=central[0].source if central else "",
    )
    return summary, len(records)


def _find_middle(found: Finding, verdicts: Sequence[Verdict]) -> float | None:
    """Return the distance at which most of it was in view; without verdicts the middle of its stretch."""
    weighed = [
        (one.pose.distance_m, max(one.area_fraction or 0.0, 0.001))
        for one in verdicts
        if one.pose is not None and one.pose.distance_m is not None
    ]
    if len(weighed) >= _ENOUGH and len(verdicts) < MAX_VERDICTS:
        total = sum(weight for _, weight in weighed)
        return sum(at_m * weight for at_m, weight in weighed) / total
    ends = [
        pose.distance_m for pose in (found.from_pose, found.to_pose) if pose and pose.distance_m is not None
    ]
    return fmean(ends) if ends else None


def _choose_central(
    found: Finding, verdicts: Sequence[Verdict], distance_m: float | None
) -> Sequence[Verdict]:
    """Return the verdicts that saw it wholly, as far as the distance tells."""
    begin, end = found.from_pose, found.to_pose
    if distance_m is None or not begin or not end or begin.distance_m is None or end.distance_m is None:
        return verdicts
    near_m = max(_MIDDLE_PART * (end.distance_m - begin.distance_m), _LEAST_MIDDLE_M)
    central = [
        one
        for one in verdicts
        if one.pose and one.pose.distance_m is not None and abs(one.pose.distance_m - distance_m) <= near_m
    ]
    return central if len(central) >= _ENOUGH else verdicts


def _measure_all(verdicts: Sequence[Verdict]) -> dict[str, Measure]:
    readers: dict[str, Callable[[Verdict], float | None]] = {
        "area_mm2": lambda one: one.area_mm2,
        "area_fraction": lambda one: one.area_fraction,
    }
    found = {}
    for name, read in readers.items():
        values = [value for one in verdicts if (value := read(one)) is not None]
        if values:
            found[name] = Measure(fmean(values), stdev(values) if len(values) > 1 else 0.0, len(values))
    return found


def _middle_in_space(found: Finding) -> tuple[float | None, float | None, float | None]:
    ends = [pose for pose in (found.from_pose, found.to_pose) if pose]
    x_m, y_m, z_m = (
        fmean(known)
        if (known := [value for pose in ends if (value := getattr(pose, name)) is not None])
        else None
        for name in ("x_m", "y_m", "z_m")
    )
    return x_m, y_m, z_m


def _date(found: Finding, records: Sequence[VerdictRecord], received_at: datetime) -> datetime:
    """Return when it was seen, by the clock that is most likely right: the robot's, or the arrival."""
    middle = records[len(records) // 2] if records else None
    if middle is not None and middle.verdict.time_quality == "synchronized":
        return middle.verdict.observed_at
    if middle is not None and not middle.replayed:
        return middle.received_at
    is_wrong = found.last_observed_at > received_at + _WRONG_CLOCK
    return received_at if is_wrong else found.last_observed_at


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _number(seq: str) -> int:
    return int(seq) if seq.isascii() and seq.isdigit() and len(seq) <= 18 else 0
