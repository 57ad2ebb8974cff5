"""The status board: counts of frames and verdicts, rates, and the states of camera and bundle."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from edge_node.camera.capture.capture_thread import CameraCondition, CameraState
from edge_node.camera.controls.plan import Mode
from edge_node.camera.controls.report import ControlInForce, ControlReport
from edge_node.camera.frame import frame_now
from edge_node.clock_floor import from_unix
from edge_node.config.delivery_sections import SpoolConfig
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inspection.change_gate import Stillness
from edge_node.inspection.inspector import Inspection
from edge_node.messages.status import Part, PartState
from edge_node.messages.verdict import Decision, Outcome
from edge_node.monitoring.status_board import StatusBoard
from edge_node.spool.spool import Spool
from tests.support.clocks import TRUTH, SetClock
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


def test_the_controls_in_force_are_in_the_status_and_a_fault_makes_the_camera_failing(board) -> None:
    """As the camera answered; what differs from the configuration is a sentence of the camera."""
    good = ControlInForce("white_balance", Mode.LOCK, (1.84, 1.52), "x")
    bad = ControlInForce("exposure_us", Mode.FIXED, (15600.0,), "us", "is 15600 µs instead of 8000 µs")
    camera = CameraState(CameraCondition.STREAMING, "frames arrive", TRUTH, ControlReport((good,), ("slow",)))
    status = board.status(camera)
    assert (status.camera.state, status.camera.text) == (PartState.OK, "frames arrive; slow")
    assert to_builtins(status.camera_controls) == (
        {"key": "white_balance", "mode": "lock", "values": (1.84, 1.52), "unit": "x", "text": ""},
    )
    part = board.status(replace(camera, controls=ControlReport((bad,)))).camera
    assert part.state is PartState.FAILING
    assert part.text == "frames arrive; exposure_us: is 15600 µs instead of 8000 µs"
    ended = replace(camera, condition=CameraCondition.ENDED, controls=ControlReport((bad,)))
    assert board.status(ended).camera.text == "frames arrive"


def test_a_bundle_that_was_refused_does_not_change_the_name(board) -> None:
    """The one before goes on, under its own name."""
    before = board.bundle
    board.on_reload(None)
    assert board.bundle == before


def test_the_clock_is_told_against_the_floor_and_only_when_it_changes(tmp_path) -> None:
    """A difference at the edge of rounding would publish a status at every look."""
    clock = SetClock()
    floor = clock.floor()
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as spool:
        board = StatusBoard(CONFIG, load_bundle(DEFAULT_BUNDLE), spool, floor)
        camera = CameraState(CameraCondition.STREAMING, "test", TRUTH)
        assert board.status(camera).clock == Part(state=PartState.FAILING, text="not synchronized")
        floor.note_signed(clock.wall + timedelta(seconds=570))
        texts = set()
        for number in range(20):
            clock.run(0.5)
            clock.step(timedelta(milliseconds=(-1) ** number))
            texts.add(board.status(camera).clock.text)
        assert len(texts) == 1
        assert "min below the floor of time" in texts.pop()
        clock.step(timedelta(days=400))
        text = board.status(camera).clock.text
        assert text == "not synchronized; 400 d ahead of the floor of time, not believed yet"
        assert board.health().clock_floor == from_unix(round(floor.read().floor_s))


def test_frames_that_showed_nothing_new_count_as_frames_of_their_own(board) -> None:
    """The rate of frames is the camera's; none of them was dropped."""
    board.on_verdict(FRAME, INSPECTION, verdict(1, "U"))
    health = board.health(unchanged=299)
    assert (health.frames, health.frames_dropped, health.frames_unchanged, health.verdicts) == (
        300,
        0,
        299,
        1,
    )
    assert board.health(unchanged=299).frames_per_s == 0.0
    assert board.health(unchanged=330).frames_per_s > 0


def test_a_still_picture_is_told_of_a_camera_that_streams(board) -> None:
    """Since when, the same at each call, and that this is no fault; nothing of a camera that is silent."""
    now = datetime.now(timezone.utc)
    still = Stillness(now - timedelta(seconds=8), 8.0, 10.0)
    streaming = CameraState(CameraCondition.STREAMING, "frames arrive", now)
    status = board.status(streaming, still)
    assert (status.camera.state, status.unchanged_since) == (PartState.OK, still.since)
    often = f"nothing new in them since {still.since:%H:%M:%S} UTC, judged every 10 s"
    assert status.camera.text == f"frames arrive; {often}"
    later = replace(still, since=now - timedelta(seconds=3600), for_s=8.5)  # the clock was set
    assert abs(board.status(streaming, later).unchanged_since - status.unchanged_since) < timedelta(seconds=2)
    silent = board.status(replace(streaming, condition=CameraCondition.SILENT), still)
    assert (silent.camera.text, silent.unchanged_since) == ("frames arrive", None)
    assert board.status(streaming).unchanged_since is None
