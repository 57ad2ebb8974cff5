"""``edge-node spool``: what an operator sees and takes home on a stick, beside a running node too."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.daemon.checkpoint_writer import CheckpointWriter
from edge_node.messages.topics import Kind
from edge_node.spool.rows import Refusal
from edge_node.spool.spool import Spool
from tests.support.processes import command, wait_for
from tests.support.records import TOPICS, RobotRecord, append_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def verdict(seq: int) -> bytes:
    """A payload with nesting, a list and letters beyond ASCII."""
    return json.dumps(
        {"seq": seq, "asset": "Röhre, 3", "bundle": {"name": "b"}, "reasons": [{"code": "x"}]},
        ensure_ascii=False,
    ).encode()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool in use: three verdicts wait, a fourth is in quarantine."""
    opened = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    for _ in range(4):
        opened.append(Kind.VERDICT, verdict)
    opened.append(Kind.FINDING, lambda seq: b'{"seq":%d}' % seq)
    assert opened.flush(5)
    ticket = opened.refuse(Refusal(opened.rows(Kind.VERDICT)[1].position, 0x95, "packet too large (149)"))
    wait_for(lambda: opened.settled >= ticket, what="quarantine")
    yield opened
    opened.close()


def spool_command(tmp_path: Path, *arguments: str):
    """Run ``edge-node spool`` on the spool of the fixture."""
    return command(
        "edge_node.cli", "spool", arguments[0], "--spool", str(tmp_path / "spool.sqlite"), *arguments[1:]
    )


def test_status_says_what_waits_and_what_is_refused(spool: Spool, tmp_path: Path) -> None:
    """For people and for machines, while the node runs."""
    ran = spool_command(tmp_path, "status")
    assert ran.returncode == 0, ran.stderr
    assert "3 verdict, 1 finding" in ran.stdout
    assert "verdict 2 of epoch" in ran.stdout
    report = json.loads(spool_command(tmp_path, "status", "--json").stdout)
    assert report["waiting"] == {"verdict": 3, "finding": 1, "response": 0, "shadow": 0, "checkpoint": 0}
    assert report["epoch"] == spool.epoch
    assert report["quarantined"][0]["reason"] == "packet too large (149)"


def test_export_is_the_record_byte_for_byte(spool: Spool, tmp_path: Path) -> None:
    """JSON lines are the payloads as they would be sent; the rows stay in the spool."""
    ran = spool_command(tmp_path, "export")
    assert ran.stdout.encode() == b"\n".join(verdict(seq) for seq in (1, 3, 4)) + b"\n"
    assert spool_command(tmp_path, "export", "--quarantined").stdout.encode() == verdict(2) + b"\n"
    assert len(spool.rows(Kind.VERDICT)) == 3


def test_export_as_csv_is_a_table(spool: Spool, tmp_path: Path) -> None:
    """Nested values have columns of their own, and a comma in a value breaks nothing."""
    ran = spool_command(tmp_path, "export", "--csv", "--out", str(tmp_path / "out.csv"))
    assert ran.returncode == 0, ran.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text(encoding="utf-8"))))
    assert [row["seq"] for row in rows] == ["1", "3", "4"]
    assert (rows[0]["asset"], rows[0]["bundle.name"]) == ("Röhre, 3", "b")
    assert json.loads(rows[0]["reasons"]) == [{"code": "x"}]
    named = spool_command(tmp_path, "export", "--out", str(tmp_path / "stick.CSV"))
    assert named.returncode == 0
    assert (tmp_path / "stick.CSV").read_bytes() == (tmp_path / "out.csv").read_bytes()
    again = spool_command(tmp_path, "export", "--out", str(tmp_path / "out.csv"))
    assert again.returncode == 1
    assert "File exists" in again.stderr


def test_requeue_sends_again_what_a_running_node_had_put_aside(spool: Spool, tmp_path: Path) -> None:
    """The node notices by itself that there is work again."""
    assert spool_command(tmp_path, "requeue").stdout == "1 row is sent again\n"
    wait_for(lambda: spool.depth().quarantined == 0, what="notice")
    wait_for(lambda: spool.depth().waiting == 5, what="notice")
    assert [row.seq for row in spool.rows(Kind.VERDICT)] == [1, 3, 4, 2]


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 1000])
def test_no_spool_and_a_damaged_one_are_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    """Nothing is made, nothing is changed, and the exit code says so."""
    path = tmp_path / "spool.sqlite"
    if content is not None:
        path.write_bytes(content)
    ran = spool_command(tmp_path, "status")
    assert ran.returncode == 1
    assert ran.stderr.startswith("edge-node: ")
    assert ran.stderr.count("\n") == 1
    assert (path.read_bytes() if path.exists() else None) == content


def test_an_export_is_verified_with_its_checkpoints(tmp_path: Path) -> None:
    """Byte for byte, with the key; a line less is exit code 1 and says which; JSON for machines."""
    robot = RobotRecord(tmp_path)
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as spool:
        for _ in range(5):
            append_verdict(spool)
        assert spool.flush(5)
        CheckpointWriter(spool, TOPICS, robot.signer).finish(lambda: False)
    exported = tmp_path / "record.jsonl"
    ran = spool_command(tmp_path, "export", "--checkpoints", "--out", str(exported))
    assert "6 rows written" in ran.stderr
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as spool:
        rows = [*spool.rows(Kind.VERDICT), *spool.rows(Kind.CHECKPOINT)]
    assert exported.read_bytes() == b"".join(row.payload + b"\n" for row in rows)

    def verify(*arguments: str, text: str = ""):
        return command("edge_node.cli", "spool", "verify", *arguments, input=text)

    for arguments in (
        (str(exported), "--key", str(robot.public)),
        ("--key", str(robot.public), str(exported)),
    ):
        ran = verify(*arguments)
        assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1].endswith("signed to the last")
    lines = exported.read_bytes().splitlines(keepends=True)
    ran = verify("-", "--json", text=b"".join(lines[:2] + lines[3:]).decode())
    assert ran.returncode == 1
    report = json.loads(ran.stdout)
    assert report["proved"] is False
    assert report["robots"][0]["epochs"][0]["gaps"] == [[3, 3]]
    for arguments, said in (
        ([], "name the file"),
        (["no.jsonl"], "No such file"),
        ([str(exported), "--key", str(exported)], "wanted a public key in PEM"),
    ):
        ran = verify(*arguments)
        assert ran.returncode != 0
        assert said in ran.stderr
        assert len(ran.stderr.splitlines()) == 1
