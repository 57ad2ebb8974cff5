"""Compose what a report says of one finding, and the pictures of it: plain, and with the map's outline."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_node.control_room.report.mission import length_m, seen_at
from edge_node.control_room.report.mission_totals import distance_m
from edge_node.control_room.report.report_details import ReportDetails
from edge_node.evidence.marked_jpeg import draw_marking, read_marking
from edge_node.inspection.grades import may_be_graded
from edge_node.inspection.overlay import draw_overlay
from edge_node.messages.finding import FindingState
from edge_node.messages.plain_text import area_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.control_room.history.records import StoredPicture
    from edge_node.control_room.report.mission import MissionFinding
    from edge_node.messages.finding import Finding
    from edge_node.messages.verdict import Grades

Facts = list[tuple[str, str]]

_PICTURE_PX = 620  # the longer side on paper: 52 mm at 300 dots an inch
_PICTURE_QUALITY = 82
_SEVERITIES = ("none", "mid", "late")
_BECAUSE = {
    "absent": "not seen any more",
    "moved_on": "the robot moved on",
    "late": "nothing was judged for a long time",
}


class PicturePair(NamedTuple):
    """JPEG files for paper: a picture as the camera gave it, and with the outline of the corrosion map.

    Attributes:
        plain: of a thumbnail, which has the outline already, that; None if it cannot be decoded.
        outlined: None without a map.
    """

    plain: bytes | None = None
    outlined: bytes | None = None


def draw_pictures(picture: StoredPicture | None) -> PicturePair:
    """Return a stored picture as paper shows it."""
    if picture is None:
        return PicturePair()
    if picture.is_thumbnail:  # the robot has drawn the map on it
        return PicturePair(picture.content if draw_marking(picture.content) is not None else None)
    pixels = _decode(picture.content)
    if pixels is None:
        return PicturePair()
    marking = read_marking(picture.content)
    if marking is None or marking.corroded is None:
        return PicturePair(_encode(pixels))
    return PicturePair(_encode(pixels), _encode(draw_overlay(pixels, marking.corroded, ())))


def grades_of(finding: Finding) -> Grades | None:
    """Return the grades that the robot gave, unless material or area contradicts them."""
    grades, area = finding.peak_grades, finding.peak_area_fraction
    return grades if grades and area and may_be_graded(finding.material, area) else None


def title_finding(found: MissionFinding) -> str:
    """Return a one-line title of a finding: kind, severity, place."""
    severity = found.finding.peak_severity
    return ", ".join([name_kind(found), *([f"severity {severity}"] if severity else []), name_place(found)])


def describe_finding(found: MissionFinding, details: ReportDetails | None = None) -> Facts:
    """Return all facts about a finding and its review."""
    it, review, moment = found.finding, found.review, (details or ReportDetails()).moment
    length = length_m(it)
    first_at, last_at = seen_at(it)
    facts = [("Where", name_place(found) + name_sigma(it) + (f", {length:.2f} m long" if length else ""))]
    facts += _pose(found)
    plural = "frame" if it.frames == 1 else "frames"
    if found.defect is not None:
        state = found.defect.state.replace("_", " ")
        facts.append(("Defect", f"{found.defect.label} {found.defect.name}".strip() + f", {state}"))
    facts += [
        ("Seen", f"{_span(moment(first_at), moment(last_at))}, {it.frames:,} {plural}"),
        ("Confidence", f"{it.peak_confidence:.0%} at most"),
        ("Severity", f"{it.peak_severity} at worst" if it.peak_severity else "not told by the model"),
    ]
    facts += _areas(it)
    if grades := grades_of(it):
        facts.append(("Grade", f"near ISO 4628-3 {grades.iso_4628_3}, ASTM D610 {grades.astm_d610}"))
    facts.append(("State", _state(it)))
    if review is None:
        facts.append(("Review", "nobody has reviewed it yet"))
    else:
        facts.append(("Review", f"{review.judgement.value} by {review.who}, {moment(review.at)}"))
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
        said = f"{it.robot} says that {claim.by} {claim.judgement.value} it, {moment(claim.at)}"
        facts.append(("Robot's claim", f"{said}; this room did not get it from a person"))
    facts.append(("Id", it.id))
    return facts


def caption_picture(found: MissionFinding, *, is_pair: bool = False) -> str:
    """Return the caption of a finding's picture: what the robot decided on it, not the finding's peaks."""
    shown, finding = found.finding.best_evidence, found.finding
    is_thumbnail = found.picture is not None and found.picture.is_thumbnail
    kind = "thumbnail" if is_thumbnail else "whole picture"
    outline = "right" if is_pair else "violet"
    end = f"; {outline}: where the map says corroded" if is_pair or is_thumbnail else ""
    if shown is None:
        return f"a picture of this finding ({kind}), perhaps not of its worst frame{end}"
    facts = [shown.severity] if shown.severity else []
    if shown.area_fraction:
        facts.append(f"about {shown.area_fraction:.0%} corroded")
    if shown.area_mm2:
        facts.append(f"about {area_text(shown.area_mm2)}")
    if shown.confidence is not None:
        facts.append(f"confidence {shown.confidence:.0%}")
    if shown.verdict != finding.best_verdict:
        worse = finding.peak_severity if finding.peak_severity != shown.severity else None
        facts.append(f"the worst frame{f' ({worse})' if worse else ''} has no picture")
    return f"{kind}: {', '.join(facts)}{end}"


def explain_missing_picture(found: MissionFinding) -> str:
    """Return the reason why a finding has no picture."""
    if found.finding.best_evidence_sha256 is None:
        return "the robot kept no picture of this finding"
    return "not received; a person can request it while the robot keeps it"


def rank_severity(severity: str | None) -> int:
    """Return a number that is higher the worse a severity of the default bundle is; -1 for none told."""
    if severity is None:
        return -1
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else 1


def name_kind(found: MissionFinding) -> str:
    """Return material and form of a finding."""
    return " ".join(word for word in (found.finding.material, found.finding.form) if word) or "corrosion"


def name_place(found: MissionFinding) -> str:
    """Return where a finding is along the path, or that it is not known."""
    begin, end = distance_m(found.finding.from_pose), distance_m(found.finding.to_pose)
    if begin is None or end is None:
        return "in space" if _pose(found) else "place not known"
    return f"{begin:.2f} m" if begin == end else f"{begin:.2f} to {end:.2f} m"


def name_sigma(finding: Finding) -> str:
    """Return the uncertainty of a finding's ends, the larger of both; empty where the robot told none."""
    poses = [pose for pose in (finding.from_pose, finding.to_pose) if pose is not None]
    sigma_m = max((pose.sigma_m for pose in poses if pose.sigma_m is not None), default=None)
    return "" if sigma_m is None else f" ± {sigma_m:.2g} m"


def _span(begin: str, end: str) -> str:
    """Return a span of time; its end without the day and the zone where these are those of its begin."""
    is_same = (begin[:10], begin[19:]) == (end[:10], end[19:])
    return f"{begin} to {end[11:19] if is_same else end}"


def _state(finding: Finding) -> str:
    if finding.state is not FindingState.CLOSED:
        return "still open"
    because = _BECAUSE.get(finding.closed_because.value) if finding.closed_because else None
    return f"closed: {because}" if because else "closed"


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


def name_area(finding: Finding) -> str:
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


def _decode(jpeg: bytes) -> NDArray[np.uint8] | None:
    """Return the pixels of a picture at the size of paper; None if it cannot be decoded."""
    packed = np.frombuffer(jpeg, np.uint8)
    decoded = cv2.imdecode(packed, cv2.IMREAD_REDUCED_COLOR_2)
    if decoded is not None and max(decoded.shape) < _PICTURE_PX:
        decoded = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    if decoded is None:
        return None
    height, width = decoded.shape[:2]
    scale = min(1.0, _PICTURE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(decoded, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encode(pixels: NDArray[np.uint8]) -> bytes | None:
    encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _PICTURE_QUALITY])
    return data.tobytes() if encoded else None
