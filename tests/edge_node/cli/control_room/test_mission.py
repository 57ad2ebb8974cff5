"""``edge-node mission``: document and table, and never over a file."""

from __future__ import annotations

import argparse

import pytest

from edge_node.cli.control_room.mission import add_arguments, run
from edge_node.errors import CorrosionError
from tests.support.processes import command
from tests.support.two_missions import ASSET, EARLIER, LATER, open_two_missions


def test_the_command_line_writes_both_and_never_over_a_file(history, tmp_path):
    """PDF and CSV by the name's end; what is there, a wrong end and a wrong time are a sentence each."""
    pytest.importorskip("fpdf")
    where = ("mission", "report", "--state-dir", str(tmp_path / "room"), "--robot", "quay/crawler-1")
    for name, begins in (("out.pdf", b"%PDF-"), ("out.csv", b"number,finding_id")):
        ran = command("edge_node.cli", *where, "--from", "2026-03-01", str(tmp_path / name))
        assert ran.returncode == 0, ran.stderr
        assert "30 frames, 25 judged, 10 missing; 1 finding" in ran.stdout
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


def mission(capsys, *arguments):
    """Run the subcommand here: a process for each would cost a second; return code, output and error."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    code = run(parser.parse_args(arguments))
    return code, *capsys.readouterr()


def test_missions_are_listed_reported_and_compared(tmp_path, capsys):
    """By their ids, with client and order; what cannot be is a sentence and no file."""
    open_two_missions(tmp_path / "room").close()
    where = ("--state-dir", str(tmp_path / "room"))
    code, listed, _ = mission(capsys, "list", *where, "--asset", ASSET)
    assert code == 0
    assert [line.split()[0] for line in listed.splitlines()] == [f"quay/{EARLIER}", f"quay/{LATER}"]
    assert "199 of 220 frames judged (90%), 90% of the way" in listed
    report = tmp_path / "report.json"
    asked = ("--mission", f"quay/{LATER}", "--client", "Hafenwerke AG", "--order", "2026-117")
    code, told, error = mission(capsys, "report", str(report), *where, *asked)
    assert (code, error) == (0, "")
    assert f"changes since {EARLIER}: 10 defects: 1 new, 2 grown" in told
    assert '"order_number": "2026-117"' in report.read_text(encoding="utf-8")
    changes = tmp_path / "changes.csv"
    assert mission(capsys, "changes", str(changes), *where, "--mission", f"quay/{LATER}")[0] == 0
    assert len(changes.read_text(encoding="utf-8").splitlines()) == 11
    with pytest.raises(CorrosionError, match="no mission 'x' at quay"):
        mission(capsys, "report", str(tmp_path / "x.pdf"), *where, "--mission", "quay/x")
    with pytest.raises(CorrosionError, match="wanted a PNG or JPEG file"):
        mission(capsys, "report", str(tmp_path / "x.pdf"), *where, *asked, "--logo", str(changes))
    assert not (tmp_path / "x.pdf").exists()
