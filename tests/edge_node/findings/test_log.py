"""Findings reach the spool, numbered without gaps, and survive a restart on disk."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.config.sections import FindingsConfig
from edge_node.findings.log import FindingLog
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.review import Review, ReviewJudgement
from edge_node.messages.topics import Kind
from edge_node.spool.spool import Spool
from tests.support.verdicts import START, verdict

QUICK = FindingsConfig(open_frames=2, of_frames=3, close_frames=2, update_s=1e6)


@pytest.fixture
def spool(tmp_path):
    """Return a real spool on disk."""
    opened = Spool.open(tmp_path / "spool.sqlite", SpoolConfig(max_mb=8))
    yield opened
    opened.close()


def spooled(spool):
    """Return the findings on disk, decoded."""
    assert spool.flush(5.0)
    return [msgspec.json.decode(row.payload, type=Finding) for row in spool.rows(Kind.FINDING)]


def test_the_picture_that_a_message_names_is_announced(tmp_path, spool):
    """Its thumbnail is to come with the finding, also where a worse picture follows at once."""
    announced = []
    findings = FindingLog(FindingsConfig(open_frames=2), tmp_path, spool, announce=announced.append)
    for seq, name in enumerate("aab", start=1):
        severity = "late" if name == "b" else "mid"
        findings.see(verdict(seq, "C", severity=severity, severity_confidence=0.9, evidence_sha256=name * 64))
    findings.see(verdict(4, "C", severity="late", severity_confidence=0.9))
    assert announced == ["a" * 64, "b" * 64]


def test_what_changes_is_spooled_with_numbers_of_its_own(tmp_path, spool):
    """Opened, closed, opened: three rows, numbered 1 to 3, in that order."""
    log = FindingLog(QUICK, tmp_path, spool)
    for seq, letter in enumerate("CCUUCC", start=1):
        log.see(verdict(seq, letter))
    found = spooled(spool)
    assert [finding.seq for finding in found] == [1, 2, 3]
    assert [finding.state.value for finding in found] == ["opened", "closed", "opened"]


def test_an_open_finding_survives_a_kill(tmp_path, spool):
    """Without a clean close, a new log still closes the finding that the old one opened."""
    old = FindingLog(QUICK, tmp_path, spool)
    for seq in (1, 2):
        old.see(verdict(seq, "C"))
    log = FindingLog(QUICK, tmp_path, spool)
    said = [finding for seq in (3, 4) for finding in log.see(verdict(seq, "U"))]
    assert [(finding.state, finding.id) for finding in said] == [(FindingState.CLOSED, "crawler-1:epoch:f1")]


def test_a_clean_stop_keeps_the_frames_so_far(tmp_path, spool):
    """One corroded frame before the stop and one after it are two of three."""
    old = FindingLog(QUICK, tmp_path, spool)
    old.see(verdict(1, "C"))
    old.close()
    assert len(FindingLog(QUICK, tmp_path, spool).see(verdict(2, "C"))) == 1


def test_a_review_marks_an_open_finding_in_every_later_message(tmp_path, spool):
    """Said at once, kept over a restart, on the message that closes it; a closed one is not touched."""
    said = Review(judgement=ReviewJudgement.DISPUTED, by="Anna", at=START)
    old = FindingLog(QUICK, tmp_path, spool)
    for seq in (1, 2):
        old.see(verdict(seq, "C"))
    marked = old.review("crawler-1:epoch:f1", said)
    assert (marked.state, marked.seq, marked.review) == (FindingState.UPDATED, 2, said)
    log = FindingLog(QUICK, tmp_path, spool)
    for seq in (3, 4):
        log.see(verdict(seq, "U"))
    assert [(found.state.value, found.review) for found in spooled(spool)] == [
        ("opened", None),
        ("updated", said),
        ("closed", said),
    ]
    assert log.review("crawler-1:epoch:f1", said) is None
    assert (
        FindingLog(msgspec.structs.replace(QUICK, enabled=False), tmp_path, spool).review("x", said) is None
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_is_set_aside(tmp_path, spool, caplog, content):
    """What cannot be read is kept for a look, said in the log, and does not stop the node."""
    (tmp_path / "findings.json").write_bytes(content)
    log = FindingLog(QUICK, tmp_path, spool)
    assert (tmp_path / "findings.damaged").read_bytes() == content
    assert "set aside" in caplog.text
    log.see(verdict(1, "C"))
    assert log.see(verdict(2, "C"))[0].state is FindingState.OPENED


def test_switched_off_it_says_nothing(tmp_path, spool):
    """``enabled = false`` spools no findings and writes no file."""
    log = FindingLog(msgspec.structs.replace(QUICK, enabled=False), tmp_path, spool)
    for seq in range(1, 6):
        log.see(verdict(seq, "C"))
    log.close()
    assert spooled(spool) == []
    assert not (tmp_path / "findings.json").exists()


def test_a_disk_that_takes_no_state_loses_no_finding(tmp_path, spool, caplog):
    """If the state cannot be saved the finding is spooled all the same."""
    (tmp_path / ".findings.json.new").mkdir()
    log = FindingLog(QUICK, tmp_path, spool)
    for seq in (1, 2):
        log.see(verdict(seq, "C"))
    assert len(spooled(spool)) == 1
    assert "would not survive" in caplog.text
    assert [alarm.code for alarm in log.alarms] == ["findings_unsaved"]
    log.close()
    assert len(caplog.records) == 1  # told once
    (tmp_path / ".findings.json.new").rmdir()
    log.close()
    assert log.alarms == ()
