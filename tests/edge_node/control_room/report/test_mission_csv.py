"""The mission's table: a row for each finding, with what was covered."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from edge_node.control_room.report.mission import Mission, Selection, collect_mission
from edge_node.control_room.report.mission_csv import render_mission_csv
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


def test_a_mission_without_a_finding_is_one_row(history):
    """What was covered is told all the same."""
    mission = collect_mission(history, Selection("quay", "crawler-1", since=START + timedelta(seconds=31)))
    (row,) = rows(mission)
    assert (row["finding_id"], row["frames_uncorroded"]) == ("", "5")
