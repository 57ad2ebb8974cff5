"""``edge-node mission``: document and table, and never over a file."""

from __future__ import annotations

import pytest

from tests.support.processes import command


def test_the_command_line_writes_both_and_never_over_a_file(history, tmp_path):
    """PDF and CSV by the name's end; what is there, a wrong end and a wrong time are a sentence each."""
    pytest.importorskip("fpdf")
    where = ("mission", "report", "--state-dir", str(tmp_path / "room"), "--robot", "quay/crawler-1")
    for name, begins in (("out.pdf", b"%PDF-"), ("out.csv", b"number,finding_id")):
        ran = command("edge_node.cli", *where, "--from", "2026-03-01", str(tmp_path / name))
        assert ran.returncode == 0, ran.stderr
        assert "30 frames, 25 judged, 10 never delivered; 1 finding" in ran.stdout
        assert (tmp_path / name).read_bytes().startswith(begins)
    for arguments, said in (
        ((str(tmp_path / "out.pdf"),), "is there already"),
        ((str(tmp_path / "out.doc"),), "ends in .pdf, .csv or .json"),
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
