"""Turn verdicts, one by one, into findings that a person acts on. Pure; the caller spools and saves.

A finding opens when N of the last M judged frames show the same kind of corrosion surely enough, collects
its peak severity and area, its extent along the pose and its best picture, and closes when the corrosion
stays away. To keep it open less is needed than to open it, so one odd frame neither opens nor closes one.

**A frame that was not judged changes nothing.** Darkness, blur and uncertainty neither open nor close.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import msgspec

from edge_node.findings.candidate import Candidate, TrackerState
from edge_node.messages.finding import BestEvidence, ClosedBecause, Finding, FindingState
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.verdict import EvidenceReason, Outcome, Pose, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.config.sections import FindingsConfig
    from edge_node.messages.review import Review


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

        One that withdraws another leaves the finding without. A disputed finding goes on as before: a review
        does not change what the robot sees.
        """
        for candidate in self.state.candidates:
            if candidate.is_open and candidate.finding is not None and candidate.finding.id == finding_id:
                given = None if review.judgement is ReviewJudgement.WITHDRAWN else review
                candidate.finding = msgspec.structs.replace(candidate.finding, review=given)
                return self._report(candidate, FindingState.UPDATED)[0]
        return None

    def preview(self, verdict: Verdict, waiting: Sequence[Verdict] = ()) -> EvidenceReason | None:
        """Tell whether a finding needs the picture of the next verdict; nothing changes.

        Args:
            verdict: about to be tracked; its number is not looked at.
            waiting: verdicts that come before it and are not tracked yet, oldest first.
        """
        if verdict.outcome is not Outcome.CORRODED:
            return None
        if waiting:
            copied = [copy(candidate) for candidate in self.state.candidates]
            ahead = FindingTracker(self._config, TrackerState(candidates=copied))
            for earlier in waiting:
                ahead.see(earlier)
            return ahead.preview(verdict)
        candidate = next((kind for kind in self.state.candidates if _same_kind(kind, verdict)), None)
        if candidate is None or self._why_left_behind(candidate, verdict) is not None:
            candidate = Candidate(material=verdict.material, form=verdict.form)
        if not self._is_hit(candidate, verdict):
            return None
        if candidate.finding is None or candidate.finding.best_evidence_sha256 is None:
            return EvidenceReason.FINDING_FIRST
        is_worse = self._is_worse(_show(verdict), _shown_by_picture(candidate.finding))
        return EvidenceReason.FINDING_WORSE if is_worse else None

    def _remember_kind(self, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.CORRODED and not any(
            _same_kind(candidate, verdict) for candidate in self.state.candidates
        ):
            self.state.candidates.append(Candidate(material=verdict.material, form=verdict.form))

    def _left_behind(self, candidate: Candidate, verdict: Verdict) -> list[Finding]:
        """Close, or drop, a candidate that is too far away in space or time to be the same corrosion."""
        because = self._why_left_behind(candidate, verdict)
        return [] if because is None else self._close(candidate, because, verdict)

    def _why_left_behind(self, candidate: Candidate, verdict: Verdict) -> ClosedBecause | None:
        if candidate.finding is None:
            return None
        if _metres_outside(candidate.finding, verdict.pose) > self._config.gap_m:
            return ClosedBecause.MOVED_ON
        late_s = candidate.silent_s(verdict)
        return ClosedBecause.LATE if late_s is None or late_s > self._config.gap_s else None

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
        old, shown = candidate.finding, _show(verdict)
        if old is None:
            candidate.finding, candidate.worst = _first_sight(verdict, self._config), shown
            candidate.begin(verdict)
            return True
        first_at, last_at = candidate.date_hit(old, verdict)
        severity = self._severity(shown)
        worse = self._rank(severity) > self._rank(old.peak_severity)
        has_peak = (verdict.area_fraction or 0.0) > (old.peak_area_fraction or 0.0)
        is_worst = self._is_worse(shown, candidate.worst or _shown_by_peaks(old))
        candidate.worst = shown if is_worst else candidate.worst
        is_best_picture = verdict.evidence_sha256 is not None and (
            old.best_evidence_sha256 is None or self._is_worse(shown, _shown_by_picture(old))
        )
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
            peak_area_mm2=max((old.peak_area_mm2, verdict.area_mm2), key=lambda mm2: mm2 or 0.0),
            peak_grades=verdict.grades if has_peak else old.peak_grades,
            best_verdict=verdict.id if is_worst else old.best_verdict,
            best_evidence_sha256=verdict.evidence_sha256 if is_best_picture else old.best_evidence_sha256,
            best_evidence=shown if is_best_picture else old.best_evidence,
            from_pose=begin,
            to_pose=end,
        )
        return worse

    def _is_worse(self, shown: BestEvidence, than: BestEvidence) -> bool:
        """Tell whether one frame is worse than another: by severity, then area; without one, by confidence.

        A share of a picture is never compared with mm²: a robot that comes closer makes the share grow, but
        not the area. So a frame whose area is known in mm² goes before one of which only the share is. Areas
        are compared as they are shown, in whole percent or three digits: estimates are no better than that,
        and every picture that is a little worse would be kept.
        """
        return self._badness(shown) > self._badness(than)

    def _badness(self, shown: BestEvidence) -> tuple[int, bool, float, float]:
        mm2, share = shown.area_mm2, shown.area_fraction
        area = round(share or 0.0, 2) if mm2 is None else float(f"{mm2:.3g}")
        confidence = (shown.confidence or 0.0) if mm2 is None and share is None else 0.0
        return self._rank(self._severity(shown)), mm2 is not None, area, confidence

    def _severity(self, shown: BestEvidence) -> str | None:
        """Return the severity if its stage was sure enough: one doubtful frame makes no peak."""
        sure = (shown.severity_confidence or 0.0) >= self._config.severity_confidence
        return shown.severity if sure else None

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
        candidate.finding, candidate.is_open, candidate.worst = None, False, None
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
        peak_area_mm2=verdict.area_mm2,
        peak_grades=verdict.grades,
        from_pose=_place(verdict.pose),
        to_pose=_place(verdict.pose),
        best_evidence_sha256=verdict.evidence_sha256,
        best_evidence=None if verdict.evidence_sha256 is None else _show(verdict),
    )


def _place(pose: Pose | None) -> Pose | None:
    """Return a pose that says where something is; None for one that has but a range."""
    return pose if pose is not None and pose.has_place else None


def _show(verdict: Verdict) -> BestEvidence:
    """Return what a picture of this verdict shows."""
    return BestEvidence(
        verdict=verdict.id,
        confidence=verdict.condition_confidence,
        severity=verdict.severity,
        severity_confidence=verdict.severity_confidence,
        area_fraction=verdict.area_fraction,
        area_mm2=verdict.area_mm2,
    )


def _shown_by_peaks(finding: Finding) -> BestEvidence:
    """Return the worst frame of a finding of which an earlier version saved no more than its peaks."""
    return BestEvidence(
        verdict=finding.best_verdict,
        confidence=finding.peak_confidence,
        severity=finding.peak_severity,
        severity_confidence=1.0,
        area_fraction=finding.peak_area_fraction,
    )


def _shown_by_picture(finding: Finding) -> BestEvidence:
    """Return what a finding's picture shows.

    Of one that an earlier version chose nobody knows it: it stays until a frame of the peak severity comes.
    """
    unknown = BestEvidence(verdict="", severity=finding.peak_severity, severity_confidence=1.0)
    return finding.best_evidence or unknown


def _extent(finding: Finding, pose: Pose | None) -> tuple[Pose | None, Pose | None]:
    """Return where the finding begins and ends, with ``pose`` taken in."""
    pose = _place(pose)
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
