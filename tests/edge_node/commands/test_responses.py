"""Responses: numbered by the spool, with the command's id and correlation, and written into the audit."""

from __future__ import annotations

import json

from edge_node.commands.admission import RefusedCommand
from edge_node.commands.audit_files import AuditFiles, read_audit
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.responses import CommandOutcome, ResponseWriter
from edge_node.messages.command import Verb
from edge_node.messages.response import Result
from edge_node.messages.topics import Kind, Topics
from tests.support.commands import admitted, spooled


def test_a_response_has_a_number_an_id_and_the_commands_correlation(spool, responses) -> None:
    """The control room finds by correlation which of its commands this is."""
    responses.respond(admitted(Verb.PAUSE), CommandOutcome(Result.DONE, data={"sha256": "0"}))
    responses.append("update", None, CommandOutcome(Result.FAILED, "disk", "no space"))
    assert spooled(spool) == [("pause", "done", "ok", ""), ("update", "failed", "disk", "no space")]
    first, second = spool.rows(Kind.RESPONSE)
    found = json.loads(first.payload)
    assert (found["id"], found["seq"]) == (f"robot:{spool.epoch}:response:1", 1)
    assert (found["command_id"], found["data"], first.correlation) == ("pause-0001", {"sha256": "0"}, b"c")
    assert (json.loads(second.payload)["command_id"], second.correlation) == (None, b"")


def test_the_audit_has_each_answer_and_a_refusal_apart_from_the_verbs_own_file(spool, tmp_path) -> None:
    """What was refused unchecked must not push reviews out of the file that is theirs."""
    with AuditLog(AuditFiles(tmp_path / "audit")) as audit:
        responses = ResponseWriter(Topics("site", "robot"), spool, audit)
        responses.respond(admitted(Verb.PAUSE), CommandOutcome(Result.DONE))
        responses.refuse(RefusedCommand("review", None, "expired", "too late", b"r"))
    entries = [(entry.event, entry.verb) for entry in read_audit(tmp_path / "audit")]
    assert entries == [("answered", "pause"), ("refused", "review (refused)")]
    assert spooled(spool)[1] == ("review", "refused", "expired", "too late")
    assert not (tmp_path / "audit" / "reviews.jsonl").exists()
