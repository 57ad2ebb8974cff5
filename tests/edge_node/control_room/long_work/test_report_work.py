"""Reports and comparisons as people ask for them."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest

from edge_node.control_room.long_work.job_order import CompareQuery, JobKind, ReportDefaults, ReportQuery
from edge_node.control_room.long_work.report_work import collect_report, render_comparison, render_report
from edge_node.errors import CorrosionError
from tests.support.two_missions import EARLIER, LATER, open_two_missions

DEFAULTS = ReportDefaults(client="Hafenwerke AG", order="2026-117")


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Two missions over one pipe."""
    opened = open_two_missions(tmp_path_factory.mktemp("reports") / "room")
    yield opened
    opened.close()


def test_a_report_of_a_mission_has_its_verdicts_alone_and_the_changes_since_the_one_before(history):
    """Found by itself; client and order number are the configuration's unless the report says otherwise."""
    asked = ReportQuery(site="quay", mission=LATER, order="8")
    report = collect_report(history, asked, DEFAULTS)
    assert (report.mission.frames, report.mission.path.to_m) == (220, 11.0)
    assert [found.defect.label for found in report.mission.findings][:2] == ["D1", "D2"]
    assert report.comparison.earlier.id == EARLIER
    told = msgspec.json.decode(render_report(report, JobKind.JSON))
    assert (told["report"]["client"], told["report"]["order_number"]) == ("Hafenwerke AG", "8")
    assert told["changes"]["counts"]["gone"] == 1
    assert told["mission"]["mission"] == LATER
    assert told["report"]["summary"].startswith("crawler-1 inspected pipe L-7 from 0.05 m to 11.00 m")
    rows = list(csv.DictReader(io.StringIO(render_report(report, JobKind.CSV).decode())))
    assert {row["client"] for row in rows} == {"Hafenwerke AG"}
    assert rows[0]["defect"] == "D1"


def test_changes_are_left_out_where_there_is_no_mission_before_or_nobody_wants_them(history):
    """A robot's times that hold one mission alone are that mission; both missions at once are none."""
    first = collect_report(history, ReportQuery(site="quay", mission=EARLIER), DEFAULTS)
    assert first.comparison is None
    unwanted = ReportQuery(site="quay", mission=LATER, changes="none")
    assert collect_report(history, unwanted, DEFAULTS).comparison is None
    both = collect_report(history, ReportQuery(site="quay", robot="crawler-1"), DEFAULTS)
    assert both.comparison is None
    assert both.mission.frames == 460
    later = first.mission.last_at.replace(month=5)
    by_times = ReportQuery(site="quay", robot="crawler-1", since=later)
    assert collect_report(history, by_times, DEFAULTS).comparison.earlier.id == EARLIER


def test_missions_that_nobody_knows_are_said_so(history):
    """Neither guessed nor a traceback."""
    for asked in (
        ReportQuery(site="quay", mission="crawler-1:zzz:m1"),
        ReportQuery(site="quay", mission=LATER, changes="nothing"),
        ReportQuery(site="quay", mission=LATER, zone="Nowhere"),
    ):
        with pytest.raises(CorrosionError):
            collect_report(history, asked, DEFAULTS)
    with pytest.raises(CorrosionError, match="no earlier mission over pipe L-7"):
        render_comparison(history, CompareQuery(site="quay", later=EARLIER), DEFAULTS, JobKind.CSV)


def test_a_comparison_is_made_as_every_kind_of_file(history):
    """With the one before, if none is named."""
    asked = CompareQuery(site="quay", later=LATER)
    table = render_comparison(history, asked, DEFAULTS, JobKind.CSV).decode()
    assert len(table.splitlines()) == 11
    told = msgspec.json.decode(render_comparison(history, asked, DEFAULTS, JobKind.JSON))
    assert told["earlier"]["id"] == EARLIER
    pytest.importorskip("fpdf")
    assert render_comparison(history, asked, DEFAULTS, JobKind.PDF).startswith(b"%PDF")
