"""Render a mission as JSON: the columns of the CSV with their types, and what is proved of each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.comparison.changes_json import comparison_view
from edge_node.control_room.history.record_proof.robot_proofs import describe
from edge_node.control_room.report.mission_csv import (
    list_details,
    list_finding_cells,
    list_record,
    list_totals,
)
from edge_node.control_room.report.report_details import ReportDetails
from edge_node.control_room.report.report_text import summarize

if TYPE_CHECKING:
    from edge_node.control_room.comparison.comparison import Comparison
    from edge_node.control_room.report.mission import Mission

_OF_MISSION = frozenset(
    (
        *("record", "record_proved_up_to", "record_problems", "verdicts_in_conflict"),
        *("mission", "mission_name", "client", "order_number"),
    )
)


def render_mission_json(
    mission: Mission, details: ReportDetails | None = None, comparison: Comparison | None = None
) -> bytes:
    """Render the object: ``report``, ``mission``, ``record``, ``findings`` and ``changes``."""
    details = details or ReportDetails()
    findings = [list_finding_cells(found) for found in mission.findings]
    record = {
        "state": mission.record.state,
        "proved_up_to": list_record(mission)["record_proved_up_to"],
        "text": "; ".join(mission.record.sentences),
        "problems": mission.record.problems,
        "conflicts": mission.record.conflicts,
        "epochs": [
            {
                "epoch": one.proof.name,
                "first": one.first,
                "last": one.last,
                "state": one.state,
                "proved_from": one.proof.proved_from,
                "proved_to": one.proof.proved_to,
                "missing_unnamed": one.proof.unnamed,
                "text": describe(one.proof),
            }
            for one in mission.record.epochs
        ],
    }
    rows = [{name: value for name, value in row.items() if name not in _OF_MISSION} for row in findings]
    found = {
        "report": {
            "title": details.title,
            "client": details.client,
            "order_number": details.order,
            "made_at": details.made_at,
            "summary": summarize(mission),
        },
        "mission": {**list_totals(mission), **list_details(mission, details)},
        "record": record,
        "findings": rows,
        "changes": None if comparison is None else comparison_view(comparison),
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
