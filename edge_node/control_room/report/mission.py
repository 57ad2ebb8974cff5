"""One mission out of the history: what was looked at, what could not be, what was found. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import epoch_of
from edge_node.control_room.history.records import FindingFilter, VerdictFilter
from edge_node.control_room.report.collected_reviews import Reviewed, newest_reviews
from edge_node.errors import CorrosionError
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import Gap, StoredPicture, StripCell
    from edge_node.messages.finding import Finding
    from edge_node.messages.verdict import BundleReference, Pose, Verdict

_PAGE_ROWS = 2000
_ALL = 100_000
_SMALLEST_HOLE_M = 0.2  # about what a camera sees at once
_HOLE_STEPS = 5
STRIP_CELLS = 140  # on a page's width a stretch is about a millimetre


@dataclass(frozen=True, slots=True)
class Selection:
    """Which robot, and when; None is unbounded."""

    site: str
    robot: str
    since: datetime | None = None
    until: datetime | None = None
    asset: str | None = None

    @property
    def verdicts(self) -> VerdictFilter:
        """The same for verdicts."""
        return VerdictFilter(
            site=self.site, robot=self.robot, asset=self.asset, since=self.since, until=self.until
        )


@dataclass(frozen=True, slots=True)
class MissionFinding:
    """A finding with what people and pictures say of it; ``number`` counts along the path, from 1."""

    number: int
    finding: Finding
    reviewed: Reviewed | None
    picture: StoredPicture | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of the path, metres."""

    from_m: float
    to_m: float


@dataclass(frozen=True, slots=True)
class Mission:
    """All of it.

    Attributes:
        first_at: when the first frame was seen, by the robot's clock.
        outcomes: frames by outcome.
        reasons: frames that were not decided, by the code of each reason, most first; with its text.
        dropped: frames that the camera gave and nobody decided, because a newer one was there.
        gaps: verdicts that never came, between the first and the last that did.
        bundles: the models that decided, with how many frames each.
        configurations: hashes of the robot's configuration, with how many frames.
        time_quality: frames by what the robot knew of its clock.
        path: from where to where, if the robot knew.
        without_place: frames without a distance along the path.
        strip: along the path, or over time where there is no path.
        hole_m: how long a stretch without a judged frame must be to be told.
        unjudged: those stretches.
    """

    selection: Selection
    assets: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    outcomes: Counter[str]
    reasons: tuple[tuple[str, str, int], ...]
    dropped: int
    replayed: int
    gaps: tuple[Gap, ...]
    bundles: tuple[tuple[BundleReference, int], ...]
    configurations: tuple[tuple[str, int], ...]
    sources: tuple[tuple[str, int], ...]
    time_quality: Counter[str]
    without_place: int
    path: Stretch | None
    strip: tuple[StripCell, ...]
    hole_m: float
    unjudged: tuple[Stretch, ...]
    findings: tuple[MissionFinding, ...]

    @property
    def frames(self) -> int:
        """Verdicts that came."""
        return sum(self.outcomes.values())

    @property
    def judged(self) -> int:
        """Frames of which it was decided whether they show corrosion."""
        return self.outcomes[Outcome.CORRODED.value] + self.outcomes[Outcome.UNCORRODED.value]

    @property
    def along_path(self) -> bool:
        """Whether the robot knew where it was; else the chart is over time."""
        return self.path is not None

    @property
    def missing(self) -> int:
        """Verdicts that never came."""
        return sum(gap.missing for gap in self.gaps)


@dataclass(slots=True)
class _Sums:
    """What is added up over all verdicts."""

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
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)
    places_m: list[float] = field(default_factory=list)
    judged_m: list[float] = field(default_factory=list)
    dropped: int = 0
    replayed: int = 0

    def add(self, verdict: Verdict, *, replayed: bool) -> None:
        """Take in one verdict; they come in order of time."""
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
        epoch = epoch_of(verdict)
        low, high = self.numbers.get(epoch, (verdict.seq, verdict.seq))
        self.numbers[epoch] = min(low, verdict.seq), max(high, verdict.seq)
        self.dropped += verdict.frames_dropped
        self.replayed += replayed
        place_m = distance_m(verdict.pose)
        if place_m is not None:
            self.places_m.append(place_m)
            if verdict.outcome in (Outcome.CORRODED, Outcome.UNCORRODED):
                self.judged_m.append(place_m)


def mission_of(
    history: History, selection: Selection, on_progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Mission:
    """Gather a mission.

    Args:
        history: of the control room.
        selection: which robot, and when.
        on_progress: told how many verdicts of how many were read.

    Raises:
        CorrosionError: nothing came from this robot then; the sentence says what did.
    """
    sums = _Sums()
    for verdict, replayed in _verdicts(history, selection, on_progress):
        sums.add(verdict, replayed=replayed)
    if sums.first is None or sums.last is None:
        raise CorrosionError(_nothing(history, selection))
    frames = sum(sums.outcomes.values())
    along_path = bool(sums.places_m)
    # With less than two frames in a cell the chart would have holes where there are none.
    cells = max(1, min(STRIP_CELLS, (len(sums.places_m) or frames) // 2))
    strip = tuple(history.strip(selection.verdicts, cells=cells, by_time=not along_path))
    hole_m = hole_length_m(sums.judged_m)
    return Mission(
        selection=selection,
        assets=tuple(name for name, _ in sums.assets.most_common()),
        first_at=sums.first.observed_at,
        last_at=sums.last.observed_at,
        outcomes=sums.outcomes,
        reasons=tuple((code, sums.reason_texts[code], count) for code, count in sums.reasons.most_common()),
        dropped=sums.dropped,
        replayed=sums.replayed,
        gaps=tuple(_gaps(history, selection, sums.numbers)),
        bundles=tuple(sums.bundles.most_common()),
        configurations=tuple(sums.configurations.most_common()),
        sources=tuple(sums.sources.most_common()),
        time_quality=sums.time_quality,
        without_place=frames - len(sums.places_m),
        path=Stretch(min(sums.places_m), max(sums.places_m)) if along_path else None,
        strip=strip,
        hole_m=hole_m,
        unjudged=tuple(_unjudged(sums.places_m, sums.judged_m, hole_m)),
        findings=_findings(history, selection, sums.first, sums.last),
    )


def distance_m(pose: Pose | None) -> float | None:
    """Return how far along the path, if that is known."""
    return pose.distance_m if pose is not None else None


def length_m(finding: Finding) -> float | None:
    """Return a finding's extent along the path, if both ends are known."""
    begin, end = distance_m(finding.from_pose), distance_m(finding.to_pose)
    return None if begin is None or end is None else abs(end - begin)


def hole_length_m(judged_m: list[float]) -> float:
    """Return how far apart judged frames must be for a hole: five times what they usually are."""
    steps = [end - begin for begin, end in pairwise(sorted(judged_m)) if end > begin]
    return max(_SMALLEST_HOLE_M, _HOLE_STEPS * median(steps)) if steps else _SMALLEST_HOLE_M


def _verdicts(
    history: History, selection: Selection, on_progress: Callable[[int, int], None]
) -> Iterator[tuple[Verdict, bool]]:
    only, after, done = selection.verdicts, None, 0
    whole = history.count_verdicts(only)
    while page := history.verdicts(only, limit=_PAGE_ROWS, after=after, oldest_first=True):
        yield from ((record.verdict, record.replayed) for record in page)
        after, done = page[-1], done + len(page)
        on_progress(done, max(whole, done))


def _gaps(history: History, selection: Selection, numbers: dict[str, tuple[int, int]]) -> Iterator[Gap]:
    """Yield what is missing between the numbers of each epoch that came; its ends cut to them."""
    for gap in history.gaps(site=selection.site, robot=selection.robot, limit=_ALL):
        low, high = numbers.get(gap.epoch, (0, -1))
        if gap.first_seq <= high and gap.last_seq >= low:
            yield replace(gap, first_seq=max(gap.first_seq, low), last_seq=min(gap.last_seq, high))


def _unjudged(places_m: list[float], judged_m: list[float], hole_m: float) -> Iterator[Stretch]:
    """Yield the stretches longer than ``hole_m`` in which no frame was judged."""
    if not places_m:
        return
    known = [min(places_m), *sorted(judged_m), max(places_m)]
    if not judged_m:
        yield Stretch(known[0], known[-1])
        return
    for begin, end in pairwise(known):
        if end - begin > hole_m:
            yield Stretch(begin, end)


def _findings(
    history: History, selection: Selection, first: Verdict, last: Verdict
) -> tuple[MissionFinding, ...]:
    only = FindingFilter(
        site=selection.site, robot=selection.robot, asset=selection.asset, since=first.observed_at
    )
    found = [record.finding for record in history.findings(only, limit=_ALL)]
    found = [finding for finding in found if finding.first_observed_at <= last.observed_at]
    found.sort(key=lambda finding: (distance_m(finding.from_pose) or 0.0, finding.first_observed_at))
    reviews = {(reviewed.site, reviewed.subject): reviewed for reviewed in newest_reviews(history)}
    return tuple(
        MissionFinding(number, finding, reviews.get((finding.site, finding.id)), _picture(history, finding))
        for number, finding in enumerate(found, start=1)
    )


def _picture(history: History, finding: Finding) -> StoredPicture | None:
    sha256 = finding.best_evidence_sha256
    return history.picture(finding.site, finding.robot, sha256) if sha256 else None


def _nothing(history: History, selection: Selection) -> str:
    who = f"{selection.site}/{selection.robot}"
    robots = {(record.site, record.robot): record for record in history.robots()}
    record = robots.get((selection.site, selection.robot))
    if record is None:
        known = ", ".join(f"{site}/{robot}" for site, robot in robots) or "none"
        return f"{who}: never heard of it; known are {known}"
    if record.last_verdict_at is None:
        return f"{who}: no verdict has come from it yet"
    return f"{who}: no verdict in that time; the last one came at {record.last_verdict_at:%Y-%m-%dT%H:%M:%SZ}"
