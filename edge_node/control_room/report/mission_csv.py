"""Render a mission as CSV: a row per finding, each repeating the mission's totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_node.control_room.comparison.csv_cells import render_csv
from edge_node.control_room.report.finding_text import grades_of
from edge_node.control_room.report.mission import length_m, seen_at
from edge_node.control_room.report.mission_totals import distance_m
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from edge_node.control_room.report.mission import Mission, MissionFinding
    from edge_node.control_room.report.report_details import ReportDetails
    from edge_node.messages.finding import Finding


def render_mission_csv(mission: Mission, details: ReportDetails | None = None) -> str:
    """Render the table; a mission without a finding is one row with empty cells."""
    rows = [list_finding_cells(found) for found in mission.findings] or [{}]
    totals = list_totals(mission)
    common = {**totals, **list_record(mission), **list_details(mission, details)}
    columns = (*_FINDING_COLUMNS, *totals, *_LATER_COLUMNS)
    return render_csv(columns, [{**row, **common} for row in rows])


_FINDING_COLUMNS = (
    *("number", "finding_id", "state", "closed_because", "material", "form", "severity", "first_observed_at"),
    *("last_observed_at", "from_m", "to_m", "length_m", "frames", "peak_confidence"),
    *("area_fraction_estimate",),
    *("iso_4628_3_estimate", "astm_d610_estimate", "evidence_sha256", "evidence_verdict"),
    *(
        "evidence_severity",
        "evidence_area_fraction",
        "evidence_confidence",
        "review",
        "reviewed_by",
        "reviewed_at",
    ),
    *("review_outcome", "review_material", "review_form", "review_severity", "review_note"),
)

# At the end, so that readers of the columns before find them where they were.
_LATER_COLUMNS = (
    *("area_mm2_estimate", "from_sigma_m", "to_sigma_m", "evidence_area_mm2", "review_origin"),
    *("robot_claims_review", "robot_claims_by", "robot_claims_at"),
    *("record", "record_proved_up_to", "record_problems", "verdicts_in_conflict"),
    *("defect", "defect_name", "defect_state", "mission", "mission_name", "client", "order_number"),
)


def list_finding_cells(found: MissionFinding) -> dict[str, Any]:
    """Return what is known of a finding and its reviews, by column."""
    finding, review = found.finding, found.review
    grades = grades_of(finding)
    first_at, last_at = seen_at(finding)
    row = {
        "number": found.number,
        "finding_id": finding.id,
        "state": finding.state.value,
        "closed_because": finding.closed_because.value if finding.closed_because else None,
        "material": finding.material,
        "form": finding.form,
        "severity": finding.peak_severity,
        "first_observed_at": first_at.isoformat(),
        "last_observed_at": last_at.isoformat(),
        "from_m": distance_m(finding.from_pose),
        "to_m": distance_m(finding.to_pose),
        "length_m": length_m(finding),
        "frames": finding.frames,
        "peak_confidence": finding.peak_confidence,
        "area_fraction_estimate": finding.peak_area_fraction,
        "iso_4628_3_estimate": grades.iso_4628_3 if grades else None,
        "astm_d610_estimate": grades.astm_d610 if grades else None,
        "evidence_sha256": finding.best_evidence_sha256,
        **_list_evidence_cells(finding),
        "review": review.judgement.value if review else "not reviewed",
        "area_mm2_estimate": finding.peak_area_mm2,
        "from_sigma_m": finding.from_pose.sigma_m if finding.from_pose else None,
        "to_sigma_m": finding.to_pose.sigma_m if finding.to_pose else None,
        "defect": found.defect.label if found.defect else None,
        "defect_name": found.defect.name if found.defect else None,
        "defect_state": found.defect.state if found.defect else None,
    }
    if review is not None:
        row |= {
            "reviewed_by": review.by,
            "reviewed_at": review.at.isoformat(),
            "review_outcome": review.outcome.value if review.outcome else None,
            "review_material": review.material,
            "review_form": review.form,
            "review_severity": review.severity,
            "review_note": review.note,
            "review_origin": review.origin or "unknown",
        }
    if (claim := found.claim) is not None:
        row |= {
            "robot_claims_review": claim.judgement.value,
            "robot_claims_by": claim.by,
            "robot_claims_at": claim.at.isoformat(),
        }
    return {column: row.get(column) for column in (*_FINDING_COLUMNS, *_LATER_COLUMNS)}


def _list_evidence_cells(finding: Finding) -> dict[str, Any]:
    """Return what the finding's picture shows, which the peaks need not be; nothing if nobody knows."""
    shown = finding.best_evidence
    if shown is None:
        return {}
    return {
        "evidence_verdict": shown.verdict,
        "evidence_severity": shown.severity,
        "evidence_area_fraction": shown.area_fraction,
        "evidence_confidence": shown.confidence,
        "evidence_area_mm2": shown.area_mm2,
    }


def list_totals(mission: Mission) -> dict[str, Any]:
    """Return what is known of the mission as a whole, by column."""
    return {
        "site": mission.selection.site,
        "robot": mission.selection.robot,
        "assets": "; ".join(mission.assets),
        "mission_from": mission.first_at.isoformat(),
        "mission_to": mission.last_at.isoformat(),
        **{f"frames_{outcome.value}": mission.outcomes[outcome.value] for outcome in Outcome},
        "frames_dropped": mission.dropped,
        "frames_unchanged": mission.unchanged,
        "verdicts_missing": mission.missing,
        "frames_without_place": mission.without_place,
        "bundles": "; ".join(
            f"{bundle.name}-{bundle.version} {bundle.sha256}" for bundle, _ in mission.bundles
        ),
        "config_sha256": "; ".join(sha256 for sha256, _ in mission.configurations),
        "time_quality": "; ".join(f"{name} {count}" for name, count in mission.time_quality.most_common()),
        "verdicts_misdated": mission.misdated.count if mission.misdated else 0,
    }


def list_record(mission: Mission) -> dict[str, Any]:
    """Return up to which numbers the mission's record is proved, by column."""
    record = mission.record
    return {
        "record": record.state.value,
        "record_proved_up_to": record.proved_up_to,
        "record_problems": "; ".join(record.problems[:20]),
        "verdicts_in_conflict": record.conflicts,
    }


def list_details(mission: Mission, details: ReportDetails | None) -> dict[str, Any]:
    """Return which mission it is, and for whom the report is, by column."""
    stored = mission.selection.mission
    return {
        "mission": stored.id if stored else None,
        "mission_name": mission.name or None,
        "client": details.client if details else None,
        "order_number": details.order if details else None,
    }
