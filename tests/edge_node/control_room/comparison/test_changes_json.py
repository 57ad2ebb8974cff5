"""The comparison as JSON and as a table."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import msgspec

from edge_node.control_room.comparison.changes_json import (
    comparison_view,
    mission_view,
    render_changes_csv,
    render_changes_json,
)
from tests.support.two_missions import LATER, TRUTH


def test_the_table_has_a_row_for_each_defect_with_both_sights(comparison):
    """Nothing stands where a mission did not see it, and a person's name is no formula."""
    named = replace(comparison.changes[0], defect=replace(comparison.changes[0].defect, name="=cmd()"))
    changed = replace(comparison, changes=(named, *comparison.changes[1:]))
    rows = list(csv.DictReader(io.StringIO(render_changes_csv(changed))))
    assert sorted(row["change"] for row in rows) == sorted(TRUTH.values())
    assert rows[0]["defect_name"] == "'=cmd()"
    (new,) = [row for row in rows if row["change"] == "new"]
    assert (new["earlier_finding"], new["earlier_severity"], new["later_severity"]) == ("", "", "mid")
    assert {row["later_mission"] for row in rows} == {LATER}
    assert rows[0]["later_began_at"].endswith("+00:00")


def test_the_object_has_missions_changes_and_strips(comparison):
    """What the page draws; the file is the same."""
    view = comparison_view(comparison)
    assert view["counts"] == {"new": 1, "grown": 2, "gone": 1, "unseen": 2, "unchanged": 4}
    assert view["summary"].startswith("10 defects: 1 new, 2 grown, 1 gone, 2 unseen this time")
    assert view["changes"][0]["place"].keys() == {"from_m", "to_m"}
    assert view["strips"].keys() == {"earlier", "later"}
    told = msgspec.json.decode(render_changes_json(comparison))
    assert [one["kind"] for one in told["changes"]] == [one["kind"].value for one in view["changes"]]
    assert mission_view(comparison.later)["spans"] == [{"epoch": "bbb", "first": 1, "last": 220}]
