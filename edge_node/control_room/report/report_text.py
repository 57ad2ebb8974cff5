"""Compose the texts and figures of a mission report, and draw the map on its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from edge_node.control_room.report.mission import describe_misdated, distance_m, length_m, seen_at
from edge_node.evidence.marked_jpeg import draw_marking
from edge_node.inspection.grades import may_be_graded
from edge_node.messages.plain_text import area_text, counted
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from edge_node.control_room.report.mission import Mission, MissionFinding
    from edge_node.messages.finding import Finding
    from edge_node.messages.verdict import Grades

Facts = list[tuple[str, str]]

NO_FINDING = (
    "No finding was opened. That is not the same as no corrosion: see what was not judged, above, and below."
)
STATEMENT = (
    "I have looked at the pictures of the findings above, judged those that I name as confirmed or disputed,"
    " and inspected on the spot what the robot could not judge, where I say so."
)
ALL_CHARACTERS = "·—≈…²±"
_PICTURE_PX = 1000  # the longer side on paper: 84 mm at 300 dots an inch
_PICTURE_QUALITY = 82
_MOST_GAPS, _MOST_STRETCHES, _MOST_REASONS = 20, 8, 6
_ALWAYS = (
    (
        "Area and grade are estimates from a coarse map with a position for every 32 pixels or so of what the"
        " model looks at. They show where to look and what grew; they are no measurement by ISO 4628-3 or"
        " ASTM D610."
    ),
    (
        "A frame that is uncertain or not inspectable says nothing of the surface. Where nothing was judged,"
        " nothing is known: that no finding lies there does not mean that the metal is uncorroded."
    ),
    (
        "A confidence is the model's own, calibrated on pictures like those it was trained on; its model card"
        " says how often it errs on others."
    ),
)
_HEAD_ON = (
    "An area in mm² is computed from the scale of the picture, as if the surface was seen head-on: what is"
    " seen at a slant is larger."
)
_BECAUSE = {
    "absent": "not seen any more",
    "moved_on": "the robot moved on",
    "late": "nothing was judged for a long time",
}


def describe_mission(mission: Mission, made_at: datetime) -> Facts:
    """Return robot, time, clock and path of the mission."""
    path = mission.path
    clock = mission.time_quality["synchronized"]
    facts = [
        ("Robot", f"{mission.selection.robot}, site {mission.selection.site}"),
        ("Time", f"{_moment(mission.first_at)} to {_moment(mission.last_at)} ({_span(mission)})"),
        (
            "Robot's clock",
            f"synchronized for {clock:,} of {mission.frames:,} frames"
            + ("" if clock == mission.frames else ": the times of the others may be wrong"),
        ),
        (
            "Path",
            f"{path.from_m:.2f} m to {path.to_m:.2f} m, as the robot knew it"
            if path
            else "not known to the robot",
        ),
        ("Report made", _moment(made_at)),
    ]
    if mission.selection.asset:
        facts.insert(0, ("Only asset", mission.selection.asset))
    return facts


def describe_coverage(mission: Mission) -> Facts:
    """Return counts of frames judged and not judged, with reasons and stretches."""
    frames = mission.frames
    facts = [
        ("Frames decided", f"{frames:,}"),
        (
            "Judged",
            (
                f"{mission.judged:,} ({_percent(mission.judged, frames)}):"
                f" {_count(mission, Outcome.CORRODED)} corroded,"
                f" {_count(mission, Outcome.UNCORRODED)} uncorroded"
            ),
        ),
        (
            "Not judged",
            (
                f"{_count(mission, Outcome.UNCERTAIN)} uncertain,"
                f" {_count(mission, Outcome.NOT_INSPECTABLE)} not inspectable"
                f" ({_percent(frames - mission.judged, frames)})"
            ),
        ),
    ]
    if mission.reasons:
        reasons = [
            f"{code.replace('_', ' ')} {count:,}" for code, _, count in mission.reasons[:_MOST_REASONS]
        ]
        facts.append(("Reasons", ", ".join(reasons)))
    if mission.along_path:
        stretches = [f"{stretch.from_m:.2f} to {stretch.to_m:.2f} m" for stretch in mission.unjudged]
        more = f" and {len(stretches) - _MOST_STRETCHES} more" if len(stretches) > _MOST_STRETCHES else ""
        holes = ", ".join(stretches[:_MOST_STRETCHES]) + more or "none"
        facts.append(("Path not judged", f"{holes} (stretches longer than {mission.hole_m:.2f} m)"))
        if mission.without_place:
            facts.append(("Without a place", f"{mission.without_place:,} frames; not on the chart"))
    facts.append(("Passed over", f"{mission.dropped:,} frames of the camera: a newer one was there"))
    if mission.unchanged:
        text = f"{mission.unchanged:,} frames of the camera: nothing new since the frame judged before"
        facts.append(("Unchanged", text))
    missing = f"{mission.missing:,} verdict{'' if mission.missing == 1 else 's'}"
    if not mission.missing:
        missing = "nothing is missing between first and last"
    facts.append(("Never delivered", missing))
    facts.append(("Record", "\n".join(mission.record.sentences)))
    if mission.record.conflicts:
        text = "came under the id of another verdict, with other content; this report takes the first"
        facts.append(("Two under one id", f"{mission.record.conflicts:,} {text}"))
    if mission.misdated:
        facts.append(("Dated elsewhere", describe_misdated(mission.misdated)))
    return facts


def list_cautions(mission: Mission) -> list[str]:
    """Return sentences on the limits of the figures."""
    sentences = list(_ALWAYS)
    confirmed, disputed, silent = _count_reviews(mission)
    if silent:
        sentences.append(
            f"Nobody reviewed {silent} of {len(mission.findings)} findings: the model's opinion alone."
        )
    if disputed:
        were = "finding was disputed and stays" if disputed == 1 else "findings were disputed and stay"
        sentences.append(f"{disputed} {were} in this report, marked so.")
    claims = sum(found.claim is not None for found in mission.findings)
    if claims:
        sentences.append(
            f"Of {counted(claims, 'finding')} the robot says that a person reviewed"
            f" {'it' if claims == 1 else 'them'}. This room did not hear that from a person, and counts it as"
            " no review."
        )
    if any(found.finding.peak_area_mm2 for found in mission.findings):
        sentences.append(_HEAD_ON)
    if mission.along_path:
        sentences.append(
            "Places are the robot's own, as is what it says of their uncertainty (±, one standard deviation)."
            if any(_sigma(found.finding) for found in mission.findings)
            else "Places are the robot's own: how well it knew them this report cannot tell."
        )
    if mission.time_quality["synchronized"] < mission.frames:
        sentences.append("The robot's clock was not always synchronized; order within a robot's run holds.")
    if confirmed and not disputed and not silent:
        sentences.append("Every finding was confirmed by a person who looked at its picture.")
    return sentences


def describe_means(mission: Mission) -> Facts:
    """Return bundles, configurations and cameras, each with its count of frames."""
    several = len(mission.bundles) > 1
    facts = [
        (
            "Model bundle",
            f"{bundle.name} {bundle.version}"
            + (f", {count:,} frames" if several else "")
            + f"\n{bundle.sha256}",
        )
        for bundle, count in mission.bundles
    ]
    facts += [("Configuration", f"{sha256}\n{count:,} frames") for sha256, count in mission.configurations]
    facts += [("Camera", f"{source}, {count:,} frames") for source, count in mission.sources]
    if mission.replayed:
        facts.append(("Delivered later", f"{mission.replayed:,} verdicts had waited for the link"))
    return facts


def list_gaps(mission: Mission) -> Facts:
    """Return the ranges of missing numbers."""
    shown = [
        (f"{gap.missing:,}", f"numbers {gap.first_seq:,} to {gap.last_seq:,} of epoch {gap.epoch}")
        for gap in mission.gaps[:_MOST_GAPS]
    ]
    if len(mission.gaps) > _MOST_GAPS:
        shown.append(("…", f"and {len(mission.gaps) - _MOST_GAPS} more gaps"))
    return shown


def count_findings(mission: Mission) -> str:
    """Return the number of findings, and how many are confirmed, disputed, not reviewed."""
    confirmed, disputed, silent = _count_reviews(mission)
    if not mission.findings:
        return "none"
    return f"{len(mission.findings)} ({confirmed} confirmed, {disputed} disputed, {silent} not reviewed)"


def list_finding_rows(mission: Mission) -> list[tuple[str, ...]]:
    """Return a header row and a row for each finding."""
    rows: list[tuple[str, ...]] = [
        ("no.", "where", "what", "severity", "area ≈", "grade ≈", "frames", "review")
    ]
    for found in mission.findings:
        finding = found.finding
        grades = grades_of(finding)
        rows.append(
            (
                str(found.number),
                _place(found),
                _what(found),
                finding.peak_severity or "—",
                _short_area(finding),
                f"{grades.iso_4628_3}, D610 {grades.astm_d610}" if grades else "—",
                f"{finding.frames:,}",
                found.review.judgement.value if found.review else "not reviewed",
            )
        )
    return rows


def grades_of(finding: Finding) -> Grades | None:
    """Return the grades that the robot gave, unless material or area contradicts them."""
    grades, area = finding.peak_grades, finding.peak_area_fraction
    return grades if grades and area and may_be_graded(finding.material, area) else None


def title_finding(found: MissionFinding) -> str:
    """Return a one-line title of a finding: kind, severity, place."""
    severity = found.finding.peak_severity
    return ", ".join([_what(found), *([f"severity {severity}"] if severity else []), _place(found)])


def describe_finding(found: MissionFinding) -> Facts:
    """Return all facts about a finding and its review."""
    it, review = found.finding, found.review
    length = length_m(it)
    first_at, last_at = seen_at(it)
    facts = [("Where", _place(found) + _sigma(it) + (f", {length:.2f} m long" if length else ""))]
    facts += _pose(found)
    facts += [
        ("Seen", f"{_moment(first_at)} to {last_at:%H:%M:%S}, {it.frames:,} frames"),
        ("Confidence", f"{it.peak_confidence:.0%} at most"),
        ("Severity", f"{it.peak_severity} at worst" if it.peak_severity else "not told by the model"),
    ]
    facts += _areas(it)
    if grades := grades_of(it):
        facts.append(("Grade", f"near ISO 4628-3 {grades.iso_4628_3}, ASTM D610 {grades.astm_d610}"))
    because = _BECAUSE.get(it.closed_because.value, "") if it.closed_because else "still open"
    facts.append(("State", f"closed: {because}" if it.closed_because else because))
    if review is None:
        facts.append(("Review", "by nobody yet"))
    else:
        facts.append(("Review", f"{review.judgement.value} by {review.who}, {_moment(review.at)}"))
        right = [review.outcome.value] if review.outcome else []
        right += [word for word in (review.material, review.form) if word]
        right += [f"severity {review.severity}"] if review.severity else []
        if right:
            facts.append(("Right is", ", ".join(right)))
        if review.note:
            facts.append(("Note", review.note))
        if not review.is_recorded:
            facts.append(("", "not yet in the robot's own audit"))
    if claim := found.claim:
        said = f"{it.robot} says that {claim.by} {claim.judgement.value} it, {_moment(claim.at)}"
        facts.append(("Robot's claim", f"{said}; this room did not hear it from a person"))
    facts.append(("Id", it.id))
    return facts


def draw_picture(found: MissionFinding) -> bytes | None:
    """Draw map and verdict on a finding's picture and return it as JPEG; None if there is none."""
    if found.picture is None:
        return None
    if found.picture.is_thumbnail:  # the robot has drawn the map on it
        return found.picture.content if draw_marking(found.picture.content) is not None else None
    pixels = draw_marking(found.picture.content)
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    scale = min(1.0, _PICTURE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    encoded, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _PICTURE_QUALITY])
    return data.tobytes() if encoded else None


def caption_picture(found: MissionFinding) -> str:
    """Return the caption of a finding's picture: what the robot decided on it, not the finding's peaks."""
    shown = found.finding.best_evidence
    kind = "thumbnail" if found.picture is not None and found.picture.is_thumbnail else "whole picture"
    if shown is None:
        return f"a picture of this finding ({kind}), perhaps not of its worst frame; violet: the map"
    facts = [shown.severity] if shown.severity else []
    if shown.area_fraction:
        facts.append(f"about {shown.area_fraction:.0%} corroded")
    if shown.area_mm2:
        facts.append(f"about {area_text(shown.area_mm2)}")
    if shown.confidence is not None:
        facts.append(f"confidence {shown.confidence:.0%}")
    is_worst = shown.verdict == found.finding.best_verdict
    facts += [] if is_worst else ["the worst frame has no picture"]
    return f"{kind}: {', '.join(facts)}; violet: where the map says corroded"


def explain_missing_picture(found: MissionFinding) -> str:
    """Return the reason why a finding has no picture."""
    if found.finding.best_evidence_sha256 is None:
        return "the robot kept no picture of this finding"
    return "the picture has not come; it can be asked for while the robot keeps it"


def _count_reviews(mission: Mission) -> tuple[int, int, int]:
    """Return the numbers of confirmed, disputed and unreviewed findings."""
    judgements = [found.review.judgement for found in mission.findings if found.review]
    confirmed = judgements.count(ReviewJudgement.CONFIRMED)
    return confirmed, len(judgements) - confirmed, len(mission.findings) - len(judgements)


def _what(found: MissionFinding) -> str:
    return " ".join(word for word in (found.finding.material, found.finding.form) if word) or "corrosion"


def _place(found: MissionFinding) -> str:
    begin, end = distance_m(found.finding.from_pose), distance_m(found.finding.to_pose)
    if begin is None or end is None:
        return "in space" if _pose(found) else "place not known"
    return f"{begin:.2f} m" if begin == end else f"{begin:.2f} to {end:.2f} m"


def _sigma(finding: Finding) -> str:
    """Return the uncertainty of a finding's ends, the larger of both; empty where the robot told none."""
    poses = [pose for pose in (finding.from_pose, finding.to_pose) if pose is not None]
    sigma_m = max((pose.sigma_m for pose in poses if pose.sigma_m is not None), default=None)
    return "" if sigma_m is None else f" ± {sigma_m:.2g} m"


def _areas(finding: Finding) -> Facts:
    """Return the largest share of a picture and the largest area on the surface, as far as known."""
    facts = []
    if finding.peak_area_fraction:
        facts.append(("Area", f"about {finding.peak_area_fraction:.0%} of a picture at most (estimate)"))
    if finding.peak_area_mm2:
        area = area_text(finding.peak_area_mm2)
        facts.append(
            ("Surface", f"about {area} at most where the scale was known, as if seen head-on (estimate)")
        )
    return facts


def _short_area(finding: Finding) -> str:
    """Return the largest area of a finding, on the surface if that is known, else as a share of a picture."""
    if finding.peak_area_mm2:
        return area_text(finding.peak_area_mm2)
    return f"{finding.peak_area_fraction:.0%}" if finding.peak_area_fraction else "—"


def _pose(found: MissionFinding) -> Facts:
    """Return x, y and z of a finding's start, as far as known."""
    pose = found.finding.from_pose
    axes = (("x", pose.x_m), ("y", pose.y_m), ("z", pose.z_m)) if pose is not None else ()
    known = [f"{name} {value:.2f} m" for name, value in axes if value is not None]
    return [("First at", ", ".join(known))] if known else []


def _count(mission: Mission, outcome: Outcome) -> str:
    return f"{mission.outcomes[outcome.value]:,}"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "—"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _span(mission: Mission) -> str:
    seconds = round(mission.lasted_s)
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60:02} s"
