"""The mission's table: a row for each finding, with what was covered."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from edge_node.control_room.report.finding_text import describe_finding
from edge_node.control_room.report.mission import Mission, Selection, collect_mission
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.control_room.report.report_text import list_cautions, list_finding_rows
from edge_node.messages.finding import BestEvidence
from edge_node.messages.verdict import Grades, Pose
from tests.support.missions import HOSTILE, WHO, review
from tests.support.verdicts import START


def rows(mission: Mission) -> list[dict[str, str]]:
    """The table, read back."""
    return list(csv.DictReader(io.StringIO(render_mission_csv(mission))))


def test_the_table_has_a_row_for_each_finding_with_what_the_mission_covered(history):
    """Place, estimates named so, what people said; and a cell is never a spreadsheet's formula."""
    review(history, reviewer=HOSTILE[0], note=HOSTILE[1])
    (row,) = rows(collect_mission(history, WHO))
    assert (row["from_m"], row["to_m"], row["severity"]) == ("0.5", "0.7", "late")
    assert (row["iso_4628_3_estimate"], row["astm_d610_estimate"]) == ("Ri 4", "4")
    assert (row["review"], row["review_outcome"], row["review_note"]) == (
        "disputed",
        "uncorroded",
        HOSTILE[1],
    )
    assert row["reviewed_by"] == f"'{HOSTILE[0]}"
    assert (row["frames_not_inspectable"], row["verdicts_missing"]) == ("5", "10")


def test_an_area_in_mm2_and_the_uncertainty_of_the_place_are_told_where_the_robot_sent_them(history):
    """The table says them behind its older columns; the text says that they are estimates, seen head-on."""
    mission = collect_mission(history, WHO)
    (found,) = mission.findings
    texts = [text for _, text in describe_finding(found)] + list_cautions(mission)
    assert not any("mm²" in text or "±" in text for text in texts)  # a robot of version 0.5.0
    ends = {"from_pose": Pose(distance_m=0.5, sigma_m=0.02), "to_pose": Pose(distance_m=0.7, sigma_m=0.05)}
    finding = msgspec.structs.replace(found.finding, peak_area_mm2=1234.5, **ends)
    changed = replace(mission, findings=(replace(found, finding=finding),))
    (row,) = rows(changed)
    assert (row["area_mm2_estimate"], row["area_fraction_estimate"]) == ("1234.5", "0.08")
    assert (row["from_sigma_m"], row["to_sigma_m"]) == ("0.02", "0.05")
    later = ["area_mm2_estimate", "from_sigma_m", "to_sigma_m", "evidence_area_mm2"]
    at = list(row).index(later[0])
    assert list(row)[at : at + 4] == later
    assert list(row)[at - 1] == "verdicts_misdated"
    facts = dict(describe_finding(changed.findings[0]))
    assert (
        facts["Surface"] == "about 1,200 mm² at most where the scale was known, as if seen head-on (estimate)"
    )
    assert facts["Where"] == "0.50 to 0.70 m ± 0.05 m, 0.20 m long"
    assert "1,200 mm²" in list_finding_rows(changed)[1]
    assert any("head-on" in sentence for sentence in list_cautions(changed))


def test_the_table_says_what_the_picture_shows(history):
    """It may be another frame than the worst; empty where an older robot does not say."""
    mission = collect_mission(history, WHO)
    names = ("evidence_verdict", "evidence_severity", "evidence_area_fraction", "evidence_confidence")
    names += ("evidence_area_mm2",)
    (row,) = rows(mission)
    assert [row[name] for name in names] == ["", "", "", "", ""]
    shown = BestEvidence(
        verdict="crawler-1:epoch:5", confidence=0.9, severity="mid", area_fraction=0.14, area_mm2=310.0
    )
    finding = msgspec.structs.replace(mission.findings[0].finding, best_evidence=shown)
    (row,) = rows(replace(mission, findings=(replace(mission.findings[0], finding=finding),)))
    assert [row[name] for name in names] == ["crawler-1:epoch:5", "mid", "0.14", "0.9", "310.0"]


@pytest.mark.parametrize(
    "fields",
    [
        {"material": "aluminium", "peak_area_fraction": 0.3},
        {"material": "galvanized_steel", "peak_area_fraction": 0.3},
        {"peak_area_fraction": 0.0, "peak_grades": Grades(iso_4628_3="Ri 0", astm_d610=10)},
        {"peak_area_fraction": 0.3, "peak_grades": None},
    ],
)
def test_a_grade_stands_only_where_the_robot_gave_one_and_nothing_contradicts_it(history, fields):
    """Neither table nor text grades other metal, nor what no map shows, nor an area of itself."""
    mission = collect_mission(history, WHO)
    (found,) = mission.findings
    finding = msgspec.structs.replace(found.finding, **fields)
    changed = replace(mission, findings=(replace(found, finding=finding),))
    (row,) = rows(changed)
    assert (row["iso_4628_3_estimate"], row["astm_d610_estimate"]) == ("", "")
    texts = [*list_finding_rows(changed)[1], *(text for _, text in describe_finding(changed.findings[0]))]
    assert not any("Ri " in text or "D610" in text for text in texts)


def test_a_mission_without_a_finding_is_one_row(history):
    """What was covered is told all the same."""
    mission = collect_mission(history, Selection("quay", "crawler-1", since=START + timedelta(seconds=31)))
    (row,) = rows(mission)
    assert (row["finding_id"], row["frames_uncorroded"]) == ("", "5")
