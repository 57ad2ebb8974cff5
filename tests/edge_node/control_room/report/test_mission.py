"""The mission report: what was covered and what not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_node.control_room.report.mission import Selection, collect_mission
from edge_node.errors import CorrosionError
from tests.support.missions import WHO
from tests.support.processes import command
from tests.support.verdicts import START


def test_a_mission_says_what_was_covered_and_what_not(history):
    """Counted by hand: 30 came of 40, 25 judged, 5 in the dark, 10 missing, a metre not judged."""
    mission = collect_mission(history, WHO)
    assert (mission.frames, mission.judged, mission.missing) == (30, 25, 10)
    assert mission.outcomes == {"uncorroded": 22, "corroded": 3, "not_inspectable": 5}
    assert mission.reasons == (("dark", "too dark", 5),)
    assert mission.replayed == 10
    assert mission.time_quality == {"synchronized": 30}
    assert mission.assets == ("pipe 7",)
    assert [(gap.first_seq, gap.last_seq) for gap in mission.gaps] == [(20, 29)]
    assert mission.hole_m == pytest.approx(0.5)  # five times the usual tenth of a metre
    stretches = [(stretch.from_m, stretch.to_m) for stretch in mission.unjudged]
    assert stretches == [(1.9, 3.0)]
    assert [found.finding.id for found in mission.findings] == ["crawler-1:epoch:f5"]


def test_a_mission_can_be_part_of_a_history(history):
    """A time window counts its own frames and findings, and no gap outside it."""
    late = Selection("quay", "crawler-1", since=START + timedelta(seconds=31))
    mission = collect_mission(history, late)
    assert (mission.frames, mission.missing, mission.findings) == (10, 0, ())
    early = Selection("quay", "crawler-1", until=START + timedelta(seconds=10))
    assert (collect_mission(history, early).frames, len(collect_mission(history, early).findings)) == (10, 1)


def test_without_anything_to_report_it_says_what_there_is(history):
    """An unknown robot and an empty time: one sentence that helps."""
    with pytest.raises(CorrosionError, match="never heard of it; known are quay/crawler-1"):
        collect_mission(history, Selection("quay", "crawler-2"))
    with pytest.raises(CorrosionError, match="no verdict in that time; the last one came at"):
        collect_mission(history, Selection("quay", "crawler-1", since=START + timedelta(days=9)))


def test_the_command_line_writes_both_and_never_over_a_file(history, tmp_path):
    """PDF and CSV by the name's end; what is there, a wrong end and a wrong time are a sentence each."""
    pytest.importorskip("fpdf")
    where = ("mission", "report", "--state-dir", str(tmp_path / "room"), "--robot", "quay/crawler-1")
    for name, begins in (("out.pdf", b"%PDF-"), ("out.csv", b"number,finding_id")):
        ran = command("edge_node.cli", *where, "--from", "2026-03-01", str(tmp_path / name))
        assert ran.returncode == 0, ran.stderr
        assert "30 frames, 25 judged, 10 never delivered; 1 findings" in ran.stdout
        assert (tmp_path / name).read_bytes().startswith(begins)
    for arguments, said in (
        ((str(tmp_path / "out.pdf"),), "is there already"),
        ((str(tmp_path / "out.doc"),), "ends in .pdf or .csv"),
        ((str(tmp_path / "x.pdf"), "--to", "2020-01-01T00:00Z"), "no verdict in that time"),
    ):
        ran = command("edge_node.cli", *where, *arguments)
        assert (ran.returncode, said in ran.stderr, len(ran.stderr.splitlines())) == (1, True, 1), ran.stderr
    own = {"XDG_STATE_HOME": str(tmp_path / "state")}  # where `control-room --broker HOST` keeps it
    (tmp_path / "state").mkdir()
    (tmp_path / "room").rename(tmp_path / "state" / "corrosion-room")
    mine = ("mission", "report", "--robot", "quay/crawler-1", str(tmp_path / "mine.csv"))
    ran = command("edge_node.cli", *mine, env=own)
    assert ran.returncode == 0, ran.stderr
    wrong = command("edge_node.cli", *where, str(tmp_path / "x.pdf"), "--from", "yesterday")
    assert wrong.returncode == 2
    assert "wanted a time like" in wrong.stderr
