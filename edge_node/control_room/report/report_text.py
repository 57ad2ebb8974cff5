"""Compose the texts and figures of a mission report: its summary, coverage, means and cautions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.report.finding_text import (
    grades_of,
    name_area,
    name_kind,
    name_place,
    name_sigma,
    rank_severity,
)
from edge_node.control_room.report.mission import describe_misdated
from edge_node.messages.plain_text import counted
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.verdict import Outcome
from edge_node.record.proof import ProofState

if TYPE_CHECKING:
    from edge_node.control_room.report.mission import Mission, MissionFinding
    from edge_node.control_room.report.report_details import ReportDetails

Facts = list[tuple[str, str]]

NO_FINDING = "No finding was opened. This does not mean that there is no corrosion: see what was not judged."
STATEMENT = (
    "I have looked at the pictures of the findings above, judged those that I name as confirmed or disputed,"
    " and inspected on the spot what the robot could not judge, where I say so."
)
ALL_CHARACTERS = "·—≈…²±"
_MOST_GAPS, _MOST_STRETCHES, _MOST_REASONS = 20, 8, 6
_ALWAYS = (
    (
        "Area and grade are estimates from a coarse map with a position for every 32 pixels or so of what the"
        " model looks at. They show where to look and what grew. They are not measurements by ISO 4628-3 or"
        " ASTM D610."
    ),
    (
        "A frame that is uncertain or not inspectable says nothing about the surface. Where no frame was"
        " judged, nothing is known: without a finding the metal there may still be corroded."
    ),
    (
        "A confidence is the model's own. It is calibrated on pictures like those that the model was trained"
        " on; the model card says how often the model is wrong on others."
    ),
)
_HEAD_ON = (
    "An area in mm² is computed from the scale of the picture, as if the surface was seen head-on: what is"
    " seen at a slant is larger."
)


def summarize(mission: Mission) -> str:
    """Return what was inspected, what was found and what that is worth, in a few sentences."""
    path, missing = mission.path, mission.missing
    where = f" from {path.from_m:.2f} m to {path.to_m:.2f} m" if path else ""
    what = " and ".join(mission.assets[:2]) or "an asset that nobody named"
    more = f" and {len(mission.assets) - 2} more" if len(mission.assets) > 2 else ""
    frames = f"{mission.frames:,} frame{'' if mission.frames == 1 else 's'}"
    judged = f"{mission.judged:,} of {frames} {'was' if mission.judged == 1 else 'were'} judged"
    sentences = [
        f"{mission.selection.robot} inspected {what}{more}{where}: {judged}.",
        _say_findings(mission),
    ]
    if missing:
        sentences.append(f"{missing:,} verdict{' is' if missing == 1 else 's are'} missing.")
    sentences.append(f"The record is {_say_record(mission)}.")
    return " ".join(sentences)


def describe_mission(mission: Mission, details: ReportDetails) -> Facts:
    """Return robot, time, clock and path of the mission."""
    path = mission.path
    clock = mission.time_quality["synchronized"]
    facts = [
        ("Robot", f"{mission.selection.robot}, site {mission.selection.site}"),
        (
            "Time",
            f"{details.moment(mission.first_at)} to {details.moment(mission.last_at)} ({_span(mission)})",
        ),
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
        ("Report made", details.moment(details.made_at)),
    ]
    if mission.selection.asset and mission.selection.mission is None:
        facts.insert(0, ("Only asset", mission.selection.asset))
    given = [("Client", details.client), ("Order", details.order), ("Mission", mission.name)]
    return [(name, text) for name, text in given if text] + facts


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
    facts.append(("Dropped", f"{mission.dropped:,} camera frames, because a newer one was there"))
    if mission.unchanged:
        text = f"{mission.unchanged:,} camera frames that showed nothing new since the frame judged before"
        facts.append(("Unchanged", text))
    missing = f"{mission.missing:,} verdict{'' if mission.missing == 1 else 's'}"
    if not mission.missing:
        missing = "none between the first and the last"
    facts.append(("Verdicts missing", missing))
    facts.append(("Record", "\n".join(mission.record.sentences)))
    if mission.record.conflicts:
        text = "came with the id of another verdict and other content; this report uses the first"
        facts.append(("Two with one id", f"{mission.record.conflicts:,} {text}"))
    if mission.misdated:
        facts.append(("Dated elsewhere", describe_misdated(mission.misdated)))
    return facts


def list_cautions(mission: Mission) -> list[str]:
    """Return sentences on the limits of the figures."""
    sentences = list(_ALWAYS)
    confirmed, disputed, silent = _count_reviews(mission)
    if silent:
        sentences.append(
            f"Nobody reviewed {silent} of {len(mission.findings)} findings: the model's opinion only."
        )
    if disputed:
        were = "finding was disputed and stays" if disputed == 1 else "findings were disputed and stay"
        sentences.append(f"{disputed} {were} in this report, marked so.")
    claims = sum(found.claim is not None for found in mission.findings)
    if claims:
        sentences.append(
            f"Of {counted(claims, 'finding')} the robot says that a person reviewed"
            f" {'it' if claims == 1 else 'them'}. This room did not get that from a person, and counts it as"
            " no review."
        )
    if any(found.finding.peak_area_mm2 for found in mission.findings):
        sentences.append(_HEAD_ON)
    if mission.along_path:
        sentences.append(
            "Places and their uncertainty (±, one standard deviation) are those that the robot sent."
            if any(name_sigma(found.finding) for found in mission.findings)
            else "Places are those that the robot sent; it did not send how uncertain they are."
        )
    if mission.time_quality["synchronized"] < mission.frames:
        sentences.append(
            "The robot's clock was not always synchronized. The order of verdicts within one run of the robot"
            " is right nevertheless."
        )
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
        facts.append(("Delivered later", f"{mission.replayed:,} verdicts, which had waited for the link"))
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
                name_place(found),
                name_kind(found),
                finding.peak_severity or "—",
                name_area(finding),
                f"{grades.iso_4628_3}, D610 {grades.astm_d610}" if grades else "—",
                f"{finding.frames:,}",
                found.review.judgement.value if found.review else "not reviewed",
            )
        )
    return rows


def _say_findings(mission: Mission) -> str:
    """Say how many findings there are, which is the worst and how many were reviewed."""
    if not mission.findings:
        return "No finding was opened."
    confirmed, disputed, _ = _count_reviews(mission)
    counts = f"{counted(len(mission.findings), 'finding')}, {confirmed} confirmed and {disputed} disputed"
    worst = max(
        (found for found in mission.findings if not _is_disputed(found)),
        key=lambda found: (
            rank_severity(found.finding.peak_severity),
            found.finding.peak_area_mm2 or 0.0,
            found.finding.peak_area_fraction or 0.0,
        ),
        default=None,
    )
    if worst is None:
        return f"{counts}."
    severity = f"severity {worst.finding.peak_severity}, " if worst.finding.peak_severity else ""
    return f"{counts}; the worst is number {worst.number}: {severity}{name_place(worst)}."


def _say_record(mission: Mission) -> str:
    record = mission.record
    if record.state is ProofState.PROVED and record.epochs:
        return f"proved up to number {record.epochs[-1].last:,}, which the robot signed"
    if record.proved_up_to:
        numbers = record.proved_up_to.rpartition(":")[2]
        return f"proved up to number {int(numbers):,} only; see Record"
    return "not proved; see Record"


def _is_disputed(found: MissionFinding) -> bool:
    return found.review is not None and found.review.judgement is ReviewJudgement.DISPUTED


def _count_reviews(mission: Mission) -> tuple[int, int, int]:
    """Return the numbers of confirmed, disputed and unreviewed findings."""
    judgements = [found.review.judgement for found in mission.findings if found.review]
    confirmed = judgements.count(ReviewJudgement.CONFIRMED)
    return confirmed, len(judgements) - confirmed, len(mission.findings) - len(judgements)


def _count(mission: Mission, outcome: Outcome) -> str:
    return f"{mission.outcomes[outcome.value]:,}"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "—"


def _span(mission: Mission) -> str:
    seconds = round(mission.lasted_s)
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60:02} s"
