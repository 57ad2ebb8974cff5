"""The verdict writer with a real spool and store: whose pictures are kept, and how long verdicts are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.config.delivery_sections import EvidenceConfig, SpoolConfig
from edge_node.daemon.inference_thread import Judge, Judged, Prepared
from edge_node.daemon.verdict_writer import VerdictWriter
from edge_node.evidence.store import EvidenceStore
from edge_node.evidence.thread import EvidenceThread
from edge_node.inspection.inspector import Inspection
from edge_node.inspection.pose_track import PoseTrack
from edge_node.inspection.verdict_recorder import VerdictRecorder
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import Decision, Outcome, Pose
from edge_node.spool.rows import Keep
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for
from tests.support.robot_loop import CONFIG

FRAME = frame_now(np.full((8, 8, 3), 99, np.uint8), 5, "test")


@pytest.fixture
def spool(tmp_path):
    """Return a real spool on disk."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as opened:
        yield opened


@pytest.fixture
def write(tmp_path, spool):
    """Return a function that makes a writer; its evidence thread runs."""
    started = []

    def make(pose=None, requests=(), **config):
        store = EvidenceStore(tmp_path / "evidence", EvidenceConfig(**config))
        pictures = EvidenceThread(lambda: None)
        started.append(VerdictWriter(spool, store, pictures, pose or PoseTrack(1000.0), requests=requests))
        started[-1].start()
        return started[-1]

    yield make
    for writer in started:
        writer.stop()


def inspected(outcome: Outcome) -> Inspection:
    """Return an inspection with this outcome."""
    return Inspection(Decision(outcome=outcome), None, 1.0)


def test_a_picture_is_kept_where_the_rules_or_a_command_want_it(write, tmp_path) -> None:
    """Every request is asked once for each frame, whatever the others and the rules say."""
    asked = []
    writer = write(
        requests=[lambda frame: asked.append(("a", frame)) or True, lambda frame: asked.append(("b", frame))],
        sample_every=0,
    )
    pending = writer.keep_picture(FRAME, inspected(Outcome.UNCORRODED))
    assert asked == [("a", FRAME), ("b", FRAME)]
    wait_for(lambda: any((tmp_path / "evidence" / "corroded").iterdir()), what="the picture")
    assert pending is not None
    without = write(sample_every=0)
    assert without.keep_picture(FRAME, inspected(Outcome.UNCORRODED)) is None
    assert without.keep_picture(FRAME, inspected(Outcome.CORRODED)) is not None


def test_a_verdict_has_the_pose_of_its_capture_and_lasts_as_long_as_it_is_worth(write, spool, engine) -> None:
    """Corroded verdicts outlive undecided ones in a full spool, and these uncorroded ones."""
    track = PoseTrack(1000.0)
    track.add(Pose(distance_m=4.5), FRAME.captured_at_ns)
    writer = write(track)
    recorder = VerdictRecorder(CONFIG, engine.bundle, spool.epoch)
    judged = Judged(Prepared(FRAME, Judge(None, recorder), None), 2, ())
    outcomes = (Outcome.CORRODED, Outcome.UNCORRODED, Outcome.UNCERTAIN, Outcome.NOT_INSPECTABLE)
    found = [
        writer.append(judged, inspected(outcome), dropped=2, evidence_sha256="0" * 64) for outcome in outcomes
    ]
    assert [(verdict.seq, verdict.frames_dropped, verdict.frame_id) for verdict in found] == [
        (seq, 2, 5) for seq in (1, 2, 3, 4)
    ]
    assert (found[0].pose, found[0].pose_age_ms) == (Pose(distance_m=4.5), 0.0)
    assert found[0].evidence_sha256 == "0" * 64
    assert [verdict.frames_unchanged for verdict in found] == [0, 0, 0, 0]
    for unchanged, since in ((40, 40), (40, 0), (45, 5)):
        frame = replace(FRAME, unchanged=unchanged)
        judged = Judged(Prepared(frame, Judge(None, recorder), None), 0, ())
        one = writer.append(judged, inspected(Outcome.CORRODED), dropped=0, evidence_sha256=None)
        assert one.frames_unchanged == since
    assert spool.flush(5)
    assert [row.keep for row in spool.rows(Kind.VERDICT)] == [
        *(Keep.HIGH, Keep.LOW, Keep.NORMAL, Keep.NORMAL),
        *(Keep.HIGH, Keep.HIGH, Keep.HIGH),
    ]
