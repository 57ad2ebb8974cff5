"""Snapshots: whose command gets which frame's picture, and what its response says."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.commands.admission import AdmittedCommand
from edge_node.commands.audit_files import AuditFiles
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.picture_handlers import SnapshotHandler
from edge_node.commands.responses import ResponseWriter
from edge_node.config.delivery_sections import SpoolConfig
from edge_node.inspection.inspector import Inspection
from edge_node.messages.command import Snapshot, Verb
from edge_node.messages.topics import Kind, Topics
from edge_node.messages.verdict import Decision, Outcome
from edge_node.spool.spool import Spool
from tests.support.commands import admitted, spooled
from tests.support.verdicts import verdict

SHA256 = "a" * 64
UNCORRODED = Inspection(Decision(outcome=Outcome.UNCORRODED), None, 1.0)


class Snapshots:
    """A snapshot handler with a real spool and audit."""

    def __init__(self, folder):
        self.spool = Spool.open(folder / "spool.sqlite", SpoolConfig())
        self.audit = AuditLog(AuditFiles(folder / "audit"))
        self.handler = SnapshotHandler(ResponseWriter(Topics("quay", "crawler-1"), self.spool, self.audit))

    def execute(self, command_id):
        """Execute a ``snapshot`` command."""
        now = datetime.now(timezone.utc)
        until = now + timedelta(minutes=1)
        command = Snapshot(schema="corrosion/v1", id=command_id, issued_at=now, expires_at=until)
        assert self.handler.handle(AdmittedCommand(Verb.SNAPSHOT, command, b"")) is None

    def responses(self):
        """Return id, code and data of the responses so far."""
        assert self.spool.flush(5)
        found = [json.loads(row.payload) for row in self.spool.rows(Kind.RESPONSE)]
        return [(one["command_id"], one["code"], one["data"]) for one in found]


@pytest.fixture
def snapshots(tmp_path):
    """Yield a handler and close what it uses."""
    one = Snapshots(tmp_path)
    with one.spool, one.audit:
        yield one


def frame(frame_id):
    """Return a small frame."""
    return frame_now(np.zeros((2, 2, 3), np.uint8), frame_id, "test")


def test_commands_that_wait_share_the_next_frame(snapshots):
    """One picture answers all that came before it; the frame after it is kept for nobody."""
    first, second = frame(1), frame(2)
    assert not snapshots.handler.claim(first)
    snapshots.execute("snapshot-1")
    snapshots.execute("snapshot-2")
    assert snapshots.handler.claim(first)
    assert not snapshots.handler.claim(second)
    assert snapshots.responses() == []
    snapshots.handler.on_verdict(first, None, verdict(1, "U", evidence_sha256=SHA256))
    snapshots.handler.on_verdict(second, None, verdict(2, "U"))
    assert snapshots.responses() == [
        ("snapshot-1", "ok", {"sha256": SHA256}),
        ("snapshot-2", "ok", {"sha256": SHA256}),
    ]


def test_a_frame_is_requested_until_one_is_claimed(snapshots):
    """So that a robot that stands still judges one for it."""
    assert not snapshots.handler.is_waiting
    snapshots.execute("a" * 32)
    assert snapshots.handler.is_waiting
    snapshots.handler.claim(frame(1))
    assert not snapshots.handler.is_waiting


def test_each_command_gets_the_picture_of_its_own_frame(snapshots):
    """With several frames in work each verdict answers the commands that its frame was kept for."""
    first, second = frame(1), frame(2)
    snapshots.execute("snapshot-1")
    snapshots.handler.claim(first)
    snapshots.execute("snapshot-2")
    snapshots.handler.claim(second)
    snapshots.handler.on_verdict(frame(0), None, verdict(0, "U", evidence_sha256="b" * 64))
    snapshots.handler.on_verdict(first, None, verdict(1, "U", evidence_sha256=SHA256))
    snapshots.handler.on_verdict(second, None, verdict(2, "U"))
    assert snapshots.responses() == [("snapshot-1", "ok", {"sha256": SHA256}), ("snapshot-2", "disk", {})]


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
