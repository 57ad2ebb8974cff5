"""Collect one mission from the history: frames judged and not judged, gaps, findings with reviews."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from edge_node.control_room.comparison.surface import Surface
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import SEVERITIES
from edge_node.control_room.history.missions.mission import compute_hole_m, list_unjudged
from edge_node.control_room.history.missions.mission_points import read_records, read_spans
from edge_node.control_room.history.records import FindingFilter, VerdictFilter
from edge_node.control_room.report.collected_reviews import SubjectReviews, collect_reviews
from edge_node.control_room.report.mission_record import MissionRecord, collect_record
from edge_node.control_room.report.mission_totals import Totals, distance_m
from edge_node.errors import CorrosionError
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.missions.mission import AssetMission
    from edge_node.control_room.history.records import Gap, Misdated, StoredPicture, VerdictRecord
    from edge_node.control_room.history.strip_cells import StripCell
    from edge_node.control_room.report.collected_reviews import CollectedReview
    from edge_node.messages.finding import Finding
    from edge_node.messages.verdict import BundleReference, Verdict

_PAGE_ROWS = 2000
_ALL = 100_000
STRIP_CELLS = 140  # across a page each cell is about a millimetre wide


@dataclass(frozen=True, slots=True)
class Selection:
    """The robot, time span and asset of a mission; None is unbounded.

    ``mission`` is one that was found in the verdicts: then exactly its verdicts are taken, whatever a clock
    said of their times.
    """

    site: str
    robot: str
    since: datetime | None = None
    until: datetime | None = None
    asset: str | None = None
    mission: AssetMission | None = None

    @property
    def verdicts(self) -> VerdictFilter:
        """The filter for its verdicts."""
        since, until = self.since, self.until
        if self.mission is not None:  # of one without a path, whose chart is over time
            since, until = self.mission.began_at, self.mission.ended_at
        return VerdictFilter(site=self.site, robot=self.robot, asset=self.asset, since=since, until=until)


class DefectName(NamedTuple):
    """What a defect is called, and its state."""

    label: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class MissionFinding:
    """A finding with its reviews and best picture.

    Attributes:
        number: counts along the path, from 1.
        review: the newest that this room heard from a person, or one of unknown origin.
        claim: what the robot says that a person said.
        defect: the place on the asset that it belongs to, if the room knows one.
    """

    number: int
    finding: Finding
    review: CollectedReview | None
    picture: StoredPicture | None
    claim: CollectedReview | None = None
    defect: DefectName | None = None


@dataclass(frozen=True, slots=True)
class PathStretch:
    """A part of the path, in metres."""

    from_m: float
    to_m: float


@dataclass(frozen=True, slots=True)
class Mission:
    """Figures and findings of one mission.

    Attributes:
        first_at: time of the first frame, by the robot's clock.
        lasted_s: from the first frame to the last; within a boot by monotonic time.
        outcomes: frames by outcome.
        reasons: code, text and count of frames for each reason why frames were not judged, most first.
        dropped: camera frames without a verdict, because a newer frame had arrived.
        unchanged: camera frames without a verdict, because they showed nothing new.
        misdated: verdicts that arrived in the mission's time with dates of another; they are not counted.
        gaps: missing verdicts between the first and the last received one.
        bundles: bundles in use, with their counts of frames.
        configurations: hashes of the robot's configurations, with their counts of frames.
        time_quality: frames by whether the robot's clock was synchronized.
        path: first to last distance; None if the robot had no pose.
        without_place: frames without a distance along the path.
        strip: along the path, or over time where there is no path.
        hole_m: length from which a stretch without a judged frame is reported.
        unjudged: those stretches.
        record: up to which number it is proved.
    """

    selection: Selection
    assets: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    lasted_s: float
    outcomes: Counter[str]
    reasons: tuple[tuple[str, str, int], ...]
    dropped: int
    unchanged: int
    replayed: int
    misdated: Misdated | None
    gaps: tuple[Gap, ...]
    bundles: tuple[tuple[BundleReference, int], ...]
    configurations: tuple[tuple[str, int], ...]
    sources: tuple[tuple[str, int], ...]
    time_quality: Counter[str]
    without_place: int
    path: PathStretch | None
    strip: tuple[StripCell, ...]
    hole_m: float
    unjudged: tuple[PathStretch, ...]
    findings: tuple[MissionFinding, ...]
    record: MissionRecord

    @property
    def name(self) -> str:
        """What a person named it; "" without."""
        return self.selection.mission.name if self.selection.mission else ""

    @property
    def frames(self) -> int:
        """Count of received verdicts."""
        return sum(self.outcomes.values())

    @property
    def judged(self) -> int:
        """Count of frames judged corroded or uncorroded."""
        return self.outcomes[Outcome.CORRODED.value] + self.outcomes[Outcome.UNCORRODED.value]

    @property
    def along_path(self) -> bool:
        """Whether the chart is along the path; else it is over time."""
        return self.path is not None

    @property
    def missing(self) -> int:
        """Count of verdicts that never arrived."""
        return sum(gap.missing for gap in self.gaps)


def collect_mission(
    history: History,
    selection: Selection,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    severities: Sequence[str] = SEVERITIES,
) -> Mission:
    """Read a mission's verdicts, findings and reviews and total them.

    Args:
        history: of the control room.
        selection: robot, time span and asset.
        on_progress: called with the number of verdicts read, and of all.
        severities: from the least to the worst, as the room's configuration names them.

    Raises:
        CorrosionError: the robot has no verdict in that time; the text names what there is.
    """
    totals = Totals()
    for record in _verdicts(history, selection, on_progress):
        totals.add(record)
    if totals.first is None or totals.last is None:
        raise CorrosionError(_explain_empty(history, selection))
    frames = sum(totals.outcomes.values())
    along_path = bool(totals.places_m)
    # With fewer than two frames per cell the chart would show gaps where there are none.
    cells = max(1, min(STRIP_CELLS, (len(totals.places_m) or frames) // 2))
    strip = tuple(_read_strip(history, selection, cells, along_path=along_path))
    hole_m = compute_hole_m(totals.judged_m)
    return Mission(
        selection=selection,
        assets=tuple(name for name, _ in totals.assets.most_common()),
        first_at=totals.first.observed_at,
        last_at=totals.last.observed_at,
        lasted_s=totals.lasted_s(),
        outcomes=totals.outcomes,
        reasons=tuple(
            (code, totals.reason_texts[code], count) for code, count in totals.reasons.most_common()
        ),
        dropped=totals.dropped,
        unchanged=totals.unchanged,
        replayed=totals.replayed,
        misdated=None if selection.mission else history.misdated(selection.verdicts),
        gaps=tuple(_gaps(history, selection, totals.numbers)),
        bundles=tuple(totals.bundles.most_common()),
        configurations=tuple(totals.configurations.most_common()),
        sources=tuple(totals.sources.most_common()),
        time_quality=totals.time_quality,
        without_place=frames - len(totals.places_m),
        path=PathStretch(min(totals.places_m), max(totals.places_m)) if along_path else None,
        strip=strip,
        hole_m=hole_m,
        unjudged=tuple(
            PathStretch(*ends) for ends in list_unjudged(totals.places_m, totals.judged_m, hole_m)
        ),
        findings=_findings(history, selection, (totals.first, totals.last), severities),
        record=collect_record(history, selection.site, selection.robot, totals.number_ranges()),
    )


def seen_at(finding: Finding) -> tuple[datetime, datetime]:
    """Return when a finding was seen first and last, in order: some robots' clocks were set in between."""
    ends = finding.first_observed_at, finding.last_observed_at
    return min(ends), max(ends)


def describe_misdated(misdated: Misdated) -> str:
    """Say how many verdicts a wrong clock kept out of a report, and how to see them."""
    return (
        f"{misdated.count:,} that arrived in that time are dated {misdated.first_at:%Y-%m-%d %H:%M} to"
        f" {misdated.last_at:%Y-%m-%d %H:%M}, because the robot's clock or this computer's was wrong: they"
        " and their findings are only in the report of those dates"
    )


def length_m(finding: Finding) -> float | None:
    """Return a finding's extent along the path; None if an end is unknown."""
    begin, end = distance_m(finding.from_pose), distance_m(finding.to_pose)
    return None if begin is None or end is None else abs(end - begin)


def _verdicts(
    history: History, selection: Selection, on_progress: Callable[[int, int], None]
) -> Iterator[VerdictRecord]:
    if selection.mission is not None:
        yield from read_records(history.database, selection.mission, on_progress)
        return
    only, after, done = selection.verdicts, None, 0
    whole = history.count_verdicts(only)
    while page := history.verdicts(only, limit=_PAGE_ROWS, after=after, oldest_first=True):
        yield from page
        after, done = page[-1], done + len(page)
        on_progress(done, max(whole, done))


def _read_strip(
    history: History, selection: Selection, cells: int, *, along_path: bool
) -> Sequence[StripCell]:
    mission = selection.mission
    if mission is None or not along_path:
        return history.strip(selection.verdicts, cells=cells, by_time=not along_path)
    points = read_spans(history.database, mission.site, mission.robot, mission.spans)
    return Surface(points).cells(cells)


def _gaps(history: History, selection: Selection, numbers: dict[str, tuple[int, int, int]]) -> Iterator[Gap]:
    """Yield the gaps between the mission's first and last received verdict, clipped to them.

    ``numbers`` holds the lowest and the highest number of each epoch, and the place of its first arrival, by
    which epochs are ordered: the robot's clock may have been set. Between two epochs the end of one and the
    beginning of the next belong to the mission, and so does an epoch of which nothing came.
    """
    epochs = sorted(numbers, key=lambda epoch: numbers[epoch][2])
    for gap in history.gaps(site=selection.site, robot=selection.robot, limit=_ALL):
        if gap.epoch in numbers:
            low = numbers[gap.epoch][0] if gap.epoch == epochs[0] else 1
            high = numbers[gap.epoch][1] if gap.epoch == epochs[-1] else gap.last_seq
        elif gap.next_epoch in epochs[1:]:
            low, high = gap.first_seq, gap.last_seq
        else:
            continue
        if gap.first_seq <= high and gap.last_seq >= low:
            yield replace(gap, first_seq=max(gap.first_seq, low), last_seq=min(gap.last_seq, high))


def _findings(
    history: History, selection: Selection, ends: tuple[Verdict, Verdict], severities: Sequence[str]
) -> tuple[MissionFinding, ...]:
    first, last = ends
    if selection.mission is None:
        records = history.findings_open_at(selection.verdicts, begin=first.observed_at, end=last.observed_at)
    else:
        only = FindingFilter(site=selection.site, robot=selection.robot, asset=selection.mission.asset)
        records = [one for one in history.findings(only, limit=_ALL) if selection.mission.saw(one.finding)]
    found = [record.finding for record in records]
    found.sort(key=lambda finding: (distance_m(finding.from_pose) or 0.0, finding.first_observed_at))
    reviews, nobody = collect_reviews(history), SubjectReviews()
    said = [reviews.get((finding.site, finding.id), nobody) for finding in found]
    names = _name_defects(DefectBook(history.database, severities), found)
    return tuple(
        MissionFinding(
            *(number, finding, one.review, _picture(history, finding), one.claim),
            names.get((finding.site, finding.id)),
        )
        for number, (finding, one) in enumerate(zip(found, said, strict=True), start=1)
    )


def _name_defects(book: DefectBook, found: Sequence[Finding]) -> dict[tuple[str, str], DefectName]:
    """Return the names of the defects that findings belong to."""
    keys = book.of_findings([(finding.site, finding.id) for finding in found])
    defects = {key: book.defect(key) for key in set(keys.values())}
    return {
        finding: DefectName(defect.label, defect.name, defect.state.value)
        for finding, key in keys.items()
        if (defect := defects[key]) is not None
    }


def _picture(history: History, finding: Finding) -> StoredPicture | None:
    sha256 = finding.best_evidence_sha256
    return history.picture(finding.site, finding.robot, sha256) if sha256 else None


def _explain_empty(history: History, selection: Selection) -> str:
    if selection.mission is not None:
        return (
            f"{selection.mission.id}: its verdicts are deleted, so there is no report of it any more; a later"
            " mission can still be compared with it"
        )
    who = f"{selection.site}/{selection.robot}"
    robots = {(record.site, record.robot): record for record in history.robots()}
    record = robots.get((selection.site, selection.robot))
    if record is None:
        known = ", ".join(f"{site}/{robot}" for site, robot in robots) or "none"
        return f"{who}: never heard of it; known are {known}"
    if record.last_verdict_at is None:
        return f"{who}: no verdict has come from it yet"
    text = f"{who}: no verdict in that time; the last one came at {record.last_verdict_at:%Y-%m-%dT%H:%M:%SZ}"
    misdated = history.misdated(selection.verdicts)
    return text if misdated is None else f"{text}; {describe_misdated(misdated)}"
