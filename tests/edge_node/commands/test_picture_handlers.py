"""Snapshots: answered with the picture of the first frame after the command."""

from __future__ import annotations

import numpy as np

from edge_node.camera.frame import frame_now
from edge_node.commands.picture_handlers import SnapshotHandler
from edge_node.inspection.inspector import Inspection
from edge_node.messages.command import Verb
from edge_node.messages.verdict import Decision, Outcome
from tests.support.commands import admitted, spooled
from tests.support.verdicts import verdict

UNCORRODED = Inspection(Decision(outcome=Outcome.UNCORRODED), None, 1.0)


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
