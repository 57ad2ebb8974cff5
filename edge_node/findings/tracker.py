"""Turn verdicts, one by one, into findings that a person acts on. Pure; the caller spools and saves.

A finding opens when N of the last M judged frames show the same kind of corrosion surely enough, collects
its peak severity and area, its extent along the pose and its best picture, and closes when the corrosion
stays away. To keep it open less is needed than to open it, so one odd frame neither opens nor closes one.

**A frame that was not judged changes nothing.** Darkness, blur and uncertainty neither open nor close.

**Time is the monotonic time of the verdicts.** The wall clock may be set while a finding is open; it only
dates the finding, and the older end is dated anew if a step lies between the ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

import msgspec

from edge_node.clock_floor import BUILT
from edge_node.messages.finding import ClosedBecause, Finding, FindingState
from edge_node.messages.verdict import Outcome, Pose, Verdict

if TYPE_CHECKING:
    from edge_node.config.sections import FindingsConfig
    from edge_node.messages.review import Review

_EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
_STEP_S = 1.0  # a frame's two clocks are read at most so far apart


class Candidate(msgspec.Struct, kw_only=True):
    """One kind of corrosion: its last judged frames, and its finding if open.

    Attributes:
        hits: of the last M judged frames, oldest first.
        misses: judged frames in a row without it.
        finding: complete from the first hit on, published once ``is_open``.
        published_s: ``last_observed_at`` when it was last published, Unix time; ``said`` in the file, for
            earlier versions.
        age_s: time from the first hit to the last.
        published_age_s: ``age_s`` when it was last published.
        boot_id: of the last hit; empty in a file that an earlier version saved.
        monotonic_ns: of the last hit.
        is_synchronized: the clock that dates the finding was synchronized.
    """

    material: str | None
    form: str | None
    hits: list[bool] = []
    misses: int = 0
    finding: Finding | None = None
    is_open: bool = False
    published_s: float = msgspec.field(default=0.0, name="said")
    age_s: float = 0.0
    published_age_s: float = 0.0
    boot_id: str = ""
    monotonic_ns: int = 0
    is_synchronized: bool = False

    def __post_init__(self) -> None:
        """Take the age from the dates where an earlier version saved none."""
        if self.finding is not None and not self.boot_id:
            span = self.finding.last_observed_at - self.finding.first_observed_at
            self.age_s = self.published_age_s = max(0.0, span.total_seconds())

    def silent_s(self, verdict: Verdict) -> float | None:
        """Return the time between the last hit and ``verdict``; None if nobody can know it.

        Within a boot it is monotonic time. Over a reboot the wall clock is all there is, if it went forward.
        """
        if self.finding is None:
            return 0.0
        elapsed_ns = verdict.monotonic_ns - self.monotonic_ns
        if verdict.boot_id == self.boot_id and elapsed_ns >= 0:
            return elapsed_ns / 1e9
        by_wall_s = (verdict.observed_at - self.finding.last_observed_at).total_seconds()
        return by_wall_s if by_wall_s >= 0 else None

    def begin(self, verdict: Verdict) -> None:
        """Begin to count time at ``verdict``, the first hit."""
        self.age_s = self.published_age_s = 0.0
        self.is_synchronized = verdict.time_quality == "synchronized"
        self.boot_id, self.monotonic_ns = verdict.boot_id, verdict.monotonic_ns

    def date_hit(self, finding: Finding, verdict: Verdict) -> tuple[datetime, datetime]:
        """Count the time up to ``verdict``, the last hit from now on; return when the first and it were."""
        self.age_s += self.silent_s(verdict) or 0.0
        self.boot_id, self.monotonic_ns = verdict.boot_id, verdict.monotonic_ns
        return self.date(msgspec.structs.replace(finding, last_observed_at=verdict.observed_at), verdict)

    def date(self, finding: Finding, verdict: Verdict) -> tuple[datetime, datetime]:
        """Return when the first and the last hit of ``finding`` were, ``age_s`` apart, by one clock.

        If the clock was set between the first hit and ``verdict``, the synchronized one counts, else that of
        ``verdict``: a robot that starts without a time gets it later. One that was set back to before this
        version was built does not count.
        """
        silent_s, age = self.silent_s(verdict), timedelta(seconds=self.age_s)
        if silent_s is None or verdict.boot_id != self.boot_id:  # nothing tells how far the clocks are apart
            return finding.first_observed_at, finding.last_observed_at
        last_at = verdict.observed_at - timedelta(seconds=silent_s)
        is_synchronized = verdict.time_quality == "synchronized"
        if abs((last_at - finding.first_observed_at - age).total_seconds()) <= _STEP_S:
            self.is_synchronized |= is_synchronized
            return finding.first_observed_at, max(finding.first_observed_at, finding.last_observed_at)
        began_at = last_at - age
        is_past = began_at < BUILT[1] <= finding.first_observed_at
        if began_at < _EARLIEST or (not is_synchronized and (is_past or self.is_synchronized)):
            return finding.first_observed_at, finding.first_observed_at + age
        self.is_synchronized = is_synchronized
        return began_at, last_at


class TrackerState(msgspec.Struct, kw_only=True):
    """The state that survives a restart: ``findings.json`` in the state folder."""

    format: Literal[1] = 1
    candidates: list[Candidate] = []


class FindingTracker:
    """Turn the verdicts of one robot into findings."""

    def __init__(self, config: FindingsConfig, state: TrackerState | None = None) -> None:
        """Begin anew, or continue from a saved ``state``."""
        self._config = config
        self.state = state or TrackerState()
        self._unjudged = 0  # verdicts in a row that changed nothing

    def see(self, verdict: Verdict) -> list[Finding]:
        """Track the next verdict and return the findings that changed, in order; the caller fills in ``seq``.

        Verdicts that were not judged (uncertain, not inspectable) change nothing.
        """
        if verdict.outcome not in (Outcome.CORRODED, Outcome.UNCORRODED):
            self._unjudged += 1
            return []
        self._unjudged = 0
        changes: list[Finding] = []
        for candidate in self.state.candidates:
            changes += self._left_behind(candidate, verdict)
        self._remember_kind(verdict)
        for candidate in self.state.candidates:
            changes += self._judge(candidate, verdict)
        self.state.candidates = [kind for kind in self.state.candidates if kind.is_open or any(kind.hits)]
        return changes

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids of the findings that are open now."""
        open_ones = (kind.finding for kind in self.state.candidates if kind.is_open)
        return tuple(finding.id for finding in open_ones if finding is not None)

    @property
    def is_undecided(self) -> bool:
        """Whether more frames of the same sight may open a finding, or close one, and can be judged."""
        return self._unjudged < self._config.of_frames and any(
            kind.misses > 0 if kind.is_open else kind.hits[-1:] == [True] for kind in self.state.candidates
        )

    def review(self, finding_id: str, review: Review) -> Finding | None:
        """Mark an open finding with a review and return it to be published; None if no such finding is open.

        A disputed finding goes on as before: a review does not change what the robot sees.
        """
        for candidate in self.state.candidates:
            if candidate.is_open and candidate.finding is not None and candidate.finding.id == finding_id:
                candidate.finding = msgspec.structs.replace(candidate.finding, review=review)
                return self._report(candidate, FindingState.UPDATED)[0]
        return None

    def _remember_kind(self, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.CORRODED and not any(
            _same_kind(candidate, verdict) for candidate in self.state.candidates
        ):
            self.state.candidates.append(Candidate(material=verdict.material, form=verdict.form))

    def _left_behind(self, candidate: Candidate, verdict: Verdict) -> list[Finding]:
        """Close, or drop, a candidate that is too far away in space or time to be the same corrosion."""
        finding = candidate.finding
        if finding is None:
            return []
        late_s = candidate.silent_s(verdict)
        moved_m = _metres_outside(finding, verdict.pose)
        if moved_m > self._config.gap_m:
            because = ClosedBecause.MOVED_ON
        elif late_s is None or late_s > self._config.gap_s:
            because = ClosedBecause.LATE
        else:
            return []
        return self._close(candidate, because, verdict)

    def _judge(self, candidate: Candidate, verdict: Verdict) -> list[Finding]:
        hit = self._is_hit(candidate, verdict)
        candidate.hits = [*candidate.hits, hit][-self._config.of_frames :]
        candidate.misses = 0 if hit else candidate.misses + 1
        grown = False
        if hit:
            grown = self._grow(candidate, verdict)
        if not candidate.is_open:
            return self._open(candidate) if sum(candidate.hits) >= self._config.open_frames else []
        if candidate.misses >= self._config.close_frames:
            return self._close(candidate, ClosedBecause.ABSENT, verdict)
        return self._update(candidate, worse=grown) if hit else []

    def _is_hit(self, candidate: Candidate, verdict: Verdict) -> bool:
        if verdict.outcome is not Outcome.CORRODED or not _same_kind(candidate, verdict):
            return False
        # A model without a confidence of its own has decided; its threshold was passed.
        confidence = 1.0 if verdict.condition_confidence is None else verdict.condition_confidence
        return confidence >= self._threshold(candidate)

    def _threshold(self, candidate: Candidate) -> float:
        config = self._config
        if candidate.is_open:
            return config.leave_by_material.get(candidate.material or "", config.leave_confidence)
        return config.enter_by_material.get(candidate.material or "", config.enter_confidence)

    def _grow(self, candidate: Candidate, verdict: Verdict) -> bool:
        """Merge a hit into the finding; return whether it got worse, which is published at once."""
        old = candidate.finding
        if old is None:
            candidate.finding = _first_sight(verdict, self._config)
            candidate.begin(verdict)
            return True
        first_at, last_at = candidate.date_hit(old, verdict)
        severity = self._severity(verdict)
        worse = self._rank(severity) > self._rank(old.peak_severity)
        has_peak = (verdict.area_fraction or 0.0) > (old.peak_area_fraction or 0.0)
        best = (self._rank(severity), verdict.area_fraction or 0.0, verdict.condition_confidence or 0.0)
        best_so_far = (self._rank(old.peak_severity), old.peak_area_fraction or 0.0, old.peak_confidence)
        is_best = best > best_so_far
        begin, end = _extent(old, verdict.pose)
        candidate.finding = msgspec.structs.replace(
            old,
            first_observed_at=first_at,
            last_observed_at=last_at,
            last_verdict=verdict.id,
            frames=old.frames + 1,
            peak_confidence=max(old.peak_confidence, verdict.condition_confidence or 0.0),
            peak_severity=severity if worse else old.peak_severity,
            peak_area_fraction=verdict.area_fraction if has_peak else old.peak_area_fraction,
            peak_grades=verdict.grades if has_peak else old.peak_grades,
            best_verdict=verdict.id if is_best else old.best_verdict,
            best_evidence_sha256=(verdict.evidence_sha256 if is_best else None) or old.best_evidence_sha256,
            from_pose=begin,
            to_pose=end,
        )
        return worse

    def _severity(self, verdict: Verdict) -> str | None:
        """Return the severity if its stage was sure enough: one doubtful frame makes no peak."""
        sure = (verdict.severity_confidence or 0.0) >= self._config.severity_confidence
        return verdict.severity if sure else None

    def _rank(self, severity: str | None) -> int:
        order = self._config.severities
        return order.index(severity) if severity in order else -1

    def _open(self, candidate: Candidate) -> list[Finding]:
        candidate.is_open = True
        return self._report(candidate, FindingState.OPENED)

    def _update(self, candidate: Candidate, *, worse: bool) -> list[Finding]:
        finding = candidate.finding
        if finding is None:
            return []
        if not worse and candidate.age_s - candidate.published_age_s < self._config.update_s:
            return []
        return self._report(candidate, FindingState.UPDATED)

    def _close(self, candidate: Candidate, because: ClosedBecause, verdict: Verdict) -> list[Finding]:
        reported, finding = [], candidate.finding
        if candidate.is_open and finding is not None:
            first_at, last_at = candidate.date(finding, verdict)
            candidate.finding = msgspec.structs.replace(
                finding, first_observed_at=first_at, last_observed_at=last_at, closed_because=because
            )
            reported = self._report(candidate, FindingState.CLOSED)
        candidate.hits, candidate.misses = [], 0
        candidate.finding, candidate.is_open = None, False
        return reported

    def _report(self, candidate: Candidate, state: FindingState) -> list[Finding]:
        if candidate.finding is None:
            return []
        candidate.finding = msgspec.structs.replace(candidate.finding, state=state)
        candidate.published_s = candidate.finding.last_observed_at.timestamp()
        candidate.published_age_s = candidate.age_s
        return [candidate.finding]


def _same_kind(candidate: Candidate, verdict: Verdict) -> bool:
    return (candidate.material, candidate.form) == (verdict.material, verdict.form)


def _first_sight(verdict: Verdict, config: FindingsConfig) -> Finding:
    sure = (verdict.severity_confidence or 0.0) >= config.severity_confidence
    robot, epoch, seq = verdict.id.rsplit(":", 2)
    return Finding(
        id=f"{robot}:{epoch}:f{seq}",
        state=FindingState.OPENED,
        site=verdict.site,
        robot=verdict.robot,
        asset=verdict.asset,
        material=verdict.material,
        form=verdict.form,
        first_observed_at=verdict.observed_at,
        last_observed_at=verdict.observed_at,
        first_verdict=verdict.id,
        last_verdict=verdict.id,
        best_verdict=verdict.id,
        frames=1,
        peak_confidence=verdict.condition_confidence or 0.0,
        peak_severity=verdict.severity if sure else None,
        peak_area_fraction=verdict.area_fraction,
        peak_grades=verdict.grades,
        from_pose=verdict.pose,
        to_pose=verdict.pose,
        best_evidence_sha256=verdict.evidence_sha256,
    )


def _extent(finding: Finding, pose: Pose | None) -> tuple[Pose | None, Pose | None]:
    """Return where the finding begins and ends, with ``pose`` taken in."""
    begin, end = finding.from_pose, finding.to_pose
    if pose is None or begin is None or end is None:
        return begin or pose, pose or end
    if pose.distance_m is None or begin.distance_m is None or end.distance_m is None:
        return begin, pose
    return (
        min(begin, pose, key=lambda found: found.distance_m or 0.0),
        max(end, pose, key=lambda found: found.distance_m or 0.0),
    )


def _metres_outside(finding: Finding, pose: Pose | None) -> float:
    """Return how far ``pose`` is from the finding's stretch; 0 inside, or where nobody knows."""
    begin, end = finding.from_pose, finding.to_pose
    if pose is None or begin is None or end is None:
        return 0.0
    if pose.distance_m is not None and begin.distance_m is not None and end.distance_m is not None:
        return max(begin.distance_m - pose.distance_m, pose.distance_m - end.distance_m, 0.0)
    axes = [(end.x_m, pose.x_m), (end.y_m, pose.y_m), (end.z_m, pose.z_m)]
    known = [(a, b) for a, b in axes if a is not None and b is not None]
    return float(sum((a - b) ** 2 for a, b in known) ** 0.5)
