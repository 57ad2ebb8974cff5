"""Commands in the main thread: each verb by its handler, refusals and bugs as responses."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.commands.admission import AdmittedCommand
from edge_node.commands.audit_files import AuditFiles
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.executor import CommandExecutor, refuse_unsupported
from edge_node.commands.pause import PauseHandler, PauseSwitch, ResumeHandler
from edge_node.commands.picture_handlers import SnapshotHandler
from edge_node.commands.responses import CommandOutcome, ResponseWriter
from edge_node.config.delivery_sections import SpoolConfig
from edge_node.inspection.inspector import Inspection
from edge_node.messages.command import CommandError, Verb, decode_command
from edge_node.messages.response import Result
from edge_node.messages.topics import Kind, Topics
from edge_node.messages.verdict import Decision, Outcome
from edge_node.spool.spool import Spool
from tests.support.verdicts import verdict

UNCORRODED = Inspection(Decision(outcome=Outcome.UNCORRODED), None, 1.0)


def admitted(verb: Verb, **arguments) -> AdmittedCommand:
    """Return a command as the receiver admits it; its id is the verb's name."""
    now = datetime.now(timezone.utc)
    document = {
        "schema": "corrosion/v1",
        "id": f"{verb.value}-0001",
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(minutes=1)).isoformat(),
        **arguments,
    }
    return AdmittedCommand(verb, decode_command(verb.value, json.dumps(document).encode()), b"c")


@pytest.fixture
def spool(tmp_path):
    """Return a real spool on disk."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as opened:
        yield opened


@pytest.fixture
def responses(tmp_path, spool):
    """Return what writes responses into the spool and a real audit."""
    with AuditLog(AuditFiles(tmp_path / "audit")) as audit:
        yield ResponseWriter(Topics("site", "robot"), spool, audit)


def spooled(spool) -> list[tuple[str, str, str, str]]:
    """Return verb, result, code and text of the responses on disk, in order."""
    assert spool.flush(5)
    found = [json.loads(row.payload) for row in spool.rows(Kind.RESPONSE)]
    return [(one["verb"], one["result"], one["code"], one["text"]) for one in found]


def test_a_verb_without_a_handler_is_unsupported(spool, responses):
    """Also one that the configuration excludes: its response says what would allow it."""
    executor = CommandExecutor({Verb.UPDATE: refuse_unsupported("a store would allow it")}, responses)
    executor.submit(admitted(Verb.RELOAD))
    update = {"name": "steel", "version": "1.2", "sha256": "0" * 64, "size_bytes": 100}
    executor.submit(admitted(Verb.UPDATE, **update))
    executor.look(0.0)
    assert spooled(spool) == [
        ("reload", "refused", "unsupported", "this node does not execute reload"),
        ("update", "refused", "unsupported", "a store would allow it"),
    ]


def test_a_handler_that_refuses_or_fails_is_answered_and_the_next_is_executed(spool, responses):
    """A refusal has its own code; a bug names its type and the log, and does not end the main thread."""

    def refuse(_admitted):
        raise CommandError("unknown_label", "severity x: known are y")

    def fail(_admitted):
        raise RuntimeError("a bug")

    handlers = {
        Verb.REVIEW: refuse,
        Verb.RELOAD: fail,
        Verb.RESUME: lambda _admitted: CommandOutcome(Result.DONE, "ok", "so", {"n": 1}),
    }
    executor = CommandExecutor(handlers, responses)
    review = {"subject": "robot:epoch:f7", "judgement": "disputed", "by": "Anna"}
    for command in (admitted(Verb.REVIEW, **review), admitted(Verb.RELOAD), admitted(Verb.RESUME)):
        executor.submit(command)
    executor.look(0.0)
    assert spooled(spool) == [
        ("review", "refused", "unknown_label", "severity x: known are y"),
        ("reload", "failed", "internal", "RuntimeError; see the robot's log"),
        ("resume", "done", "ok", "so"),
    ]


def test_the_switch_pauses_for_a_while_or_until_resume():
    """Without a duration it stays; with one it ends by itself; a later pause replaces an earlier one."""
    switch = PauseSwitch()
    pause, resume = PauseHandler(switch).handle, ResumeHandler(switch).handle
    assert not switch.is_paused
    pause(admitted(Verb.PAUSE))
    assert switch.is_paused
    resume(admitted(Verb.RESUME))
    assert not switch.is_paused
    pause(admitted(Verb.PAUSE))
    pause(admitted(Verb.PAUSE, duration_s=1))
    assert switch.is_paused
    time.sleep(1.1)
    assert not switch.is_paused


def test_a_snapshot_is_answered_with_the_picture_of_the_first_frame_after_it(spool, responses):
    """One frame is claimed for all who wait; the response follows its verdict, not an earlier frame's."""
    handler = SnapshotHandler(responses)
    before, after = (frame_now(np.zeros((1, 1, 3), np.uint8), number, "test") for number in (1, 2))
    assert not handler.claim(before)
    assert handler.handle(admitted(Verb.SNAPSHOT)) is None
    handler.handle(admitted(Verb.SNAPSHOT))
    assert handler.claim(after)
    assert not handler.claim(frame_now(np.zeros((1, 1, 3), np.uint8), 3, "test"))
    handler.on_verdict(before, UNCORRODED, verdict(1, "U"))
    assert spooled(spool) == []
    handler.on_verdict(after, UNCORRODED, verdict(2, "U", evidence_sha256="0" * 64))
    assert spooled(spool) == [("snapshot", "done", "ok", "")] * 2


def test_a_snapshot_that_no_disk_takes_has_failed(spool, responses):
    """A verdict without a picture answers the command too."""
    handler = SnapshotHandler(responses)
    handler.handle(admitted(Verb.SNAPSHOT))
    frame = frame_now(np.zeros((1, 1, 3), np.uint8), 1, "test")
    assert handler.claim(frame)
    handler.on_verdict(frame, UNCORRODED, verdict(1, "U"))
    assert spooled(spool) == [("snapshot", "failed", "disk", "the picture could not be kept")]
