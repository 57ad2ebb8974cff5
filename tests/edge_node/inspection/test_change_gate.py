"""Which frames of a stream are judged, and which are counted as unchanged."""

from __future__ import annotations

import threading
import time

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from edge_node.camera.frame import frame_now
from edge_node.config.camera_section import CameraConfig
from edge_node.config.sections import InspectConfig
from edge_node.inspection.change_gate import MOVING_WAIT_S, ChangeGate
from edge_node.inspection.pose_track import PoseTrack
from edge_node.messages.verdict import Pose
from edge_node.view.view import load_view
from tests.support.verdicts import verdict

CHANGED = InspectConfig(when="changed", heartbeat_s=10.0, change_m=0.01)
NOISE = np.random.default_rng(3).integers(-1, 2, (40, 96, 96, 3))


def picture(level=120, number=0):
    """Return a textured picture of this brightness, with noise of its own."""
    texture = np.add.outer(np.arange(96), np.arange(96))[..., np.newaxis] % 32
    return np.clip(level + texture + NOISE[number % len(NOISE)], 0, 255).astype(np.uint8)


class Stream:
    """Frames at 25 a second of a clock of their own; what the gate admits is judged, unless told not to."""

    def __init__(self, config=CHANGED, **options):
        self.track = PoseTrack(2000.0, None)
        self.gate = ChangeGate(config, self.track, **options)
        self.number = 0
        self.now_ns = time.monotonic_ns() - int(1e9)
        self.judged = []

    def see(self, pixels, *, frozen=False, judge=True, after_s=0.04, pose=None, is_certain=False):
        """Return the next frame if it is admitted, else None."""
        self.now_ns += int(after_s * 1e9)
        if pose is not None:
            self.track.add(pose, self.now_ns)
        frame = replace(frame_now(pixels, self.number, "test"), captured_at_ns=self.now_ns, frozen=frozen)
        self.number += 1
        admitted = self.gate.admit(frame, is_certain=is_certain)
        if admitted is not None and judge:
            self.judge(admitted)
        return admitted

    def judge(self, frame, letter="C"):
        """Record the verdict of a frame."""
        pose, _ = self.track.at(frame.captured_at_ns)
        self.judged.append(frame.frame_id)
        self.gate.on_verdict(frame, None, msgspec.structs.replace(verdict(1, letter), pose=pose))


def test_always_admits_each_frame_as_it_is():
    """The default: nothing is compared, nothing counted."""
    stream = Stream(InspectConfig())
    assert all(stream.see(picture()) is not None for _ in range(5))
    assert (stream.gate.unchanged, stream.gate.stillness()) == (0, None)


def test_a_still_scene_is_judged_once_and_at_each_heartbeat():
    """Frames in between are counted; an admitted frame carries how many there were since the start."""
    stream = Stream()
    admitted = [stream.see(picture(number=number)) for number in range(501)]
    assert stream.judged == [0, 250, 500]
    assert [frame.unchanged for frame in admitted if frame] == [0, 249, 498]
    assert stream.gate.unchanged == 498


def test_a_heartbeat_is_one_frame_while_it_is_in_work_and_one_a_second_if_no_verdict_comes():
    """Slow models judge no second one for it; models that hang leave frames without a verdict to be seen."""
    stream = Stream()
    stream.see(picture())
    stream.now_ns += int(20e9)
    admitted = [stream.see(picture(number=number), judge=False) for number in range(51)]
    assert [number for number, frame in enumerate(admitted) if frame] == [0, 25, 50]


def test_a_change_is_admitted_until_it_is_judged():
    """Against the last judged frame: a frame that gave way to a newer one is no measure."""
    stream = Stream()
    stream.see(picture())
    assert stream.see(picture(number=1)) is None
    waiting = [stream.see(picture(180, number), judge=False) for number in range(3)]
    assert all(waiting)
    stream.judge(waiting[1])
    assert stream.see(picture(180, 7)) is None
    assert stream.see(picture(120, 8)) is not None


def test_what_creeps_is_judged():
    """Each frame differs little from the one before; the differences from the last judged one add up."""
    stream = Stream()
    for number in range(60):
        stream.see(np.roll(picture(number=number), number // 6, axis=1))
    assert 3 <= len(stream.judged) <= 30


def test_a_judged_frame_of_before_is_no_measure_after_forgetting():
    """A reload, or a camera that was opened again: the next frame is judged, whatever was in work."""
    stream = Stream()
    in_work = stream.see(picture(), judge=False)
    stream.gate.configure(msgspec.structs.replace(CHANGED, heartbeat_s=5.0))
    stream.judge(in_work)
    stream.now_ns = time.monotonic_ns()
    assert stream.see(picture(number=1)) is not None
    assert stream.see(picture(number=2)) is None
    assert stream.see(picture(number=3), after_s=5) is not None
    stream.gate.configure(InspectConfig())
    assert stream.see(picture(number=4)).unchanged == 1


def test_while_held_frames_pass_and_the_first_afterwards_is_judged():
    """The main loop drops them; nothing is said of what nobody looks at."""
    held = []
    stream = Stream(is_held=lambda: bool(held))
    stream.see(picture())
    held.append(True)
    assert stream.see(picture(number=1), judge=False) is not None
    assert stream.gate.stillness() is None
    held.clear()
    stream.now_ns = time.monotonic_ns()
    assert stream.see(picture(number=2)) is not None
    assert stream.see(picture(number=3)) is None


def test_a_camera_that_freezes_is_judged_and_again_when_it_is_back():
    """Else a robot with a hung camera would say that nothing is new."""
    stream = Stream()
    frozen = [False, False, True, True, False, False]
    assert [stream.see(picture(), frozen=one) is not None for one in frozen] == [
        *(True, False),
        *(True, False),
        *(True, False),
    ]


@pytest.mark.parametrize(("letter", "looks"), [("C", [0]), ("U", [0]), ("?", [0, 13]), ("X", [0, 13])])
def test_a_change_without_a_decision_is_looked_at_once_more(letter, looks):
    """A robot that has just stopped was blurred; in the dark it does not go on looking."""
    stream = Stream()
    for number in range(100):
        admitted = stream.see(picture(number=number), judge=False)
        if admitted is not None:
            stream.judge(admitted, letter)
    assert stream.judged == looks


def test_a_requested_frame_is_judged():
    """A snapshot, a bundle on trial, a finding about to open: for as long as it is requested."""
    wanted = []
    stream = Stream(requests=[lambda: False, lambda: bool(wanted)])
    stream.see(picture())
    wanted.append(True)
    assert stream.see(picture(number=1)) is not None
    assert stream.see(picture(number=2)) is not None
    wanted.clear()
    assert stream.see(picture(number=3)) is None


@pytest.mark.parametrize("axis", ["distance_m", "x_m", "y_m", "z_m"])
def test_a_robot_that_moved_by_the_step_is_judged(axis):
    """On a surface that looks the same everywhere, by any coordinate; against the last judged pose."""
    stream = Stream()
    for number in range(30):
        stream.see(picture(number=number), pose=Pose(**{axis: 5 + 0.003 * number}))
    assert stream.judged == [0, 4, 8, 12, 16, 20, 24, 28]


def test_while_the_pose_explains_a_difference_it_is_judged_only_so_often():
    """It moved by less than the step, but something else may have happened: judged within 300 ms."""
    stream = Stream(msgspec.structs.replace(CHANGED, change_m=1.0))
    stream.see(picture(), pose=Pose(distance_m=0.0))
    for number in range(1, 31):
        stream.see(np.roll(picture(), 3 * number, axis=1), pose=Pose(distance_m=0.001 * number))
    gaps = np.diff(stream.judged) * 0.04
    assert len(stream.judged) > 3
    assert min(gaps) >= MOVING_WAIT_S
    assert max(gaps) <= 0.3


@pytest.mark.parametrize("pose", [None, Pose(distance_m=0.0)], ids=["no pose", "an odometer that stands"])
def test_a_picture_that_changes_is_judged_at_once_where_no_pose_explains_it(pose):
    """Something enters before a robot that stands; an odometer that counts no more makes no robot blind."""
    stream = Stream()
    stream.see(picture(), pose=pose)
    assert [stream.see(picture(60 + 25 * number), pose=pose) is not None for number in range(5)] == [True] * 5


def test_a_fast_recording_is_judged_the_same_each_time():
    """What is admitted is judged for certain, so the next frame waits for its verdict."""
    stream = Stream()
    levels = [100] * 5 + [160] * 5 + [100] * 5
    for number, level in enumerate(levels):
        admitted = stream.see(picture(level, number), judge=False, is_certain=True)
        if admitted is not None:
            threading.Timer(0.02, stream.judge, [admitted]).start()
    assert stream.judged == [0, 5, 10]


def test_stillness_is_told_after_a_while():
    """Since the last change, also of a camera that sends a frame a minute."""
    stream = Stream()
    stream.now_ns = time.monotonic_ns() - int(4e9)
    first = stream.see(picture())
    assert stream.gate.stillness() is None or stream.gate.stillness().since == first.observed_at
    stream.see(picture(number=1), after_s=3.9)
    still = stream.gate.stillness()
    assert (still.since, still.heartbeat_s) == (first.observed_at, 10.0)
    assert still.for_s == pytest.approx(4.0, abs=1.0)
    stream.gate.configure(InspectConfig())
    assert stream.gate.stillness() is None
    stream.gate.configure(CHANGED)
    stream.see(picture(200))
    assert stream.gate.stillness() is None
    slow = Stream()
    slow.now_ns -= int(90e9)
    slow.see(picture())
    slow.see(picture(number=1), after_s=60.0)
    assert slow.gate.stillness().for_s > 60


def test_what_the_view_leaves_out_is_not_compared(tmp_path):
    """An arm of the robot before a part of the picture that is cropped away."""
    crop = {"left_px": 48, "top_px": 0, "width_px": 48, "height_px": 96, "of_px": [96, 96]}
    stream = Stream(view=load_view(msgspec.convert({"crop": crop}, CameraConfig)))
    stream.see(picture())
    arm, spot = picture(number=1), picture(number=2)
    arm[:, :40] = 0
    spot[40:70, 60:90] = 0
    assert stream.see(arm) is None
    assert stream.see(spot) is not None
