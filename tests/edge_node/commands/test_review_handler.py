"""Reviews by command: what exists is marked and protected, what does not is refused by name."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from edge_node.commands.known_subjects import KnownSubjects
from edge_node.commands.review_handler import ReviewHandler
from edge_node.config.delivery_sections import EvidenceConfig
from edge_node.config.sections import FindingsConfig
from edge_node.evidence.store import EvidenceStore, PictureSize
from edge_node.findings.log import FindingLog
from edge_node.messages.command import CommandError, Verb
from edge_node.messages.finding import Finding
from edge_node.messages.response import Result
from edge_node.messages.topics import Kind, Topics
from edge_node.messages.verdict import EvidenceReason
from tests.support.commands import admitted
from tests.support.verdicts import verdict

CORRODED = (EvidenceReason.CORRODED,)


@pytest.fixture
def evidence(tmp_path):
    """Return a store of pictures."""
    return EvidenceStore(tmp_path / "evidence", EvidenceConfig(send_thumbnails=False))


@pytest.fixture
def handler(tmp_path, spool, evidence):
    """Return what executes reviews on a robot that has said three verdicts."""
    findings = FindingLog(FindingsConfig(), tmp_path, spool)
    known = KnownSubjects(tmp_path, findings.open_ids)
    for seq in (1, 2, 3):
        found = verdict(seq, "C", robot="robot", id=f"robot:{spool.epoch}:{seq}")
        findings.see(found)
        known.note(found)
    return ReviewHandler(Topics("site", "robot"), known, evidence, findings, ("none", "mid", "late"))


def review(subject: str, **fields):
    """Return a review as the receiver admits it."""
    return admitted(Verb.REVIEW, subject=subject, judgement="disputed", by="Anna", **fields)


def test_a_review_of_a_verdict_has_its_picture_protected_and_sent_whole(handler, spool, evidence) -> None:
    """The response repeats what was recorded, and says whether picture and finding are still here."""
    sha256 = evidence.keep(np.full((8, 8, 3), 99, np.uint8), CORRODED)
    outcome = handler.handle(review(f"robot:{spool.epoch}:3", severity="mid", evidence_sha256=sha256))
    assert (outcome.result, outcome.code, outcome.text) == (Result.DONE, "recorded", "recorded")
    told = {"severity": "mid", "evidence_sha256": sha256, "evidence_kept": True, "finding_open": False}
    assert told.items() <= outcome.data.items()
    sent = evidence.next_picture()
    assert (sent.sha256, sent.size) == (sha256, PictureSize.FULL)


def test_a_picture_that_is_gone_is_told(handler, spool) -> None:
    """The review is recorded all the same."""
    outcome = handler.handle(review(f"robot:{spool.epoch}:3", evidence_sha256="0" * 64))
    assert outcome.result is Result.DONE
    assert outcome.text == "recorded; the picture is not here, or not any more"
    assert outcome.data["evidence_kept"] is False


@pytest.mark.parametrize(
    ("subject", "fields", "code"),
    [
        ("other:{epoch}:1", {}, "not_ours"),
        ("robot:{epoch}:4", {}, "unknown_subject"),
        ("robot:{epoch}:f4", {}, "unknown_subject"),
        ("robot:{epoch}:f2", {}, "unknown_subject"),
        ("robot:0c5f:3", {}, "unknown_subject"),
        ("robot:0c5f:f84", {}, "unknown_subject"),
        ("robot:{epoch}:3", {"severity": "early"}, "unknown_label"),
    ],
)
def test_what_was_never_said_cannot_be_reviewed(handler, spool, subject, fields, code) -> None:
    """Another robot's subject, a number that was not reached, a severity that no model tells."""
    with pytest.raises(CommandError) as caught:
        handler.handle(review(subject.format(epoch=spool.epoch), **fields))
    assert caught.value.code == code


def test_an_open_finding_is_reviewed_whatever_else_is_known(handler, spool) -> None:
    """The three corroded verdicts opened finding f1."""
    outcome = handler.handle(review(f"robot:{spool.epoch}:f1"))
    assert outcome.result is Result.DONE
    assert outcome.data["finding_open"] is True


def test_a_withdrawal_is_recorded_and_leaves_the_finding_without_review(handler, spool, evidence) -> None:
    """The picture that the review protected stays; the finding that is published names no review any more."""
    sha256 = evidence.keep(np.full((8, 8, 3), 99, np.uint8), CORRODED)
    subject = f"robot:{spool.epoch}:f1"
    handler.handle(review(subject, severity="mid", evidence_sha256=sha256))
    asked = admitted(
        Verb.REVIEW, subject=subject, judgement="withdrawn", by="Anna", withdraws="a-review-of-hers"
    )
    outcome = handler.handle(asked)
    assert (outcome.result, outcome.text) == (Result.DONE, "withdrawn")
    assert outcome.data["withdraws"] == "a-review-of-hers"
    assert spool.flush(30)
    told = [msgspec.json.decode(row.payload, type=Finding) for row in spool.rows(Kind.FINDING)]
    assert [found.review is None for found in told] == [True, False, True]
    assert evidence.protect(sha256)
