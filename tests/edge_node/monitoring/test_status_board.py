"""The status board: counts of frames and verdicts, rates, and the states of camera and bundle."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest

from edge_node.camera.capture.capture_thread import CameraCondition, CameraState
from edge_node.camera.frame import frame_now
from edge_node.config.delivery_sections import SpoolConfig
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inspection.inspector import Inspection
from edge_node.messages.status import PartState
from edge_node.messages.verdict import Decision, Outcome
from edge_node.monitoring.status_board import StatusBoard
from edge_node.spool.spool import Spool
from tests.support.robot_loop import CONFIG
from tests.support.verdicts import verdict

FRAME = frame_now(np.zeros((4, 4, 3), np.uint8), 1, "test")
INSPECTION = Inspection(Decision(outcome=Outcome.UNCORRODED), None, 12.3456)


@pytest.fixture
def board(tmp_path):
    """Return the board of a robot with the default bundle."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as spool:
        yield StatusBoard(CONFIG, load_bundle(DEFAULT_BUNDLE), spool)


def test_dropped_frames_count_as_frames_and_not_as_verdicts(board) -> None:
    """Totals since the start; rates since the last call, so the second call finds nothing new."""
    import msgspec

    board.on_verdict(FRAME, INSPECTION, verdict(1, "U"))
    board.on_verdict(FRAME, INSPECTION, msgspec.structs.replace(verdict(2, "U"), frames_dropped=3))
    health = board.health()
    assert (health.frames, health.frames_dropped, health.verdicts, board.verdicts) == (5, 3, 2, 2)
    assert health.inference_ms == 12.346
    assert health.frames_per_s > health.verdicts_per_s > 0
    again = board.health()
    assert (again.frames, again.frames_per_s, again.verdicts_per_s) == (5, 0.0, 0.0)


def test_a_frame_that_no_model_saw_leaves_the_inference_time_as_it_was(board) -> None:
    """Too dark to judge took no inference: neither 0 ms nor a figure where there was none."""
    unjudged = Inspection(Decision(outcome=Outcome.NOT_INSPECTABLE), None, 0.0)
    board.on_verdict(FRAME, unjudged, verdict(1, "X"))
    assert board.health().inference_ms is None
    board.on_verdict(FRAME, INSPECTION, verdict(2, "U"))
    board.on_verdict(FRAME, unjudged, verdict(3, "X"))
    assert board.health().inference_ms == 12.346


def test_before_the_first_verdict_no_age_is_invented(board) -> None:
    """Nothing was judged: null, not 0 ms."""
    health = board.health()
    assert (health.frame_age_ms, health.inference_ms) == (None, None)


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        (CameraCondition.STARTING, PartState.STARTING),
        (CameraCondition.STREAMING, PartState.OK),
        (CameraCondition.SILENT, PartState.FAILING),
        (CameraCondition.FROZEN, PartState.FAILING),
        (CameraCondition.ABSENT, PartState.ABSENT),
        (CameraCondition.ENDED, PartState.ABSENT),
    ],
)
def test_each_condition_of_the_camera_is_a_state_of_its_part(board, condition, state) -> None:
    """With the camera's own sentence."""
    camera = board.status(CameraState(condition, "why", datetime(2026, 1, 1, tzinfo=timezone.utc))).camera
    assert (camera.state, camera.text) == (state, "why")


def test_a_bundle_that_was_refused_does_not_change_the_name(board) -> None:
    """The one before goes on, under its own name."""
    before = board.bundle
    board.on_reload(None)
    assert board.bundle == before
