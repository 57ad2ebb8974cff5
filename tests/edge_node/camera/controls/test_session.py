"""A recorded camera is set, locked, read back, watched and opened again; time is the test's own."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from edge_node.camera.controls.control import ControlFlag, ControlRefusedError
from edge_node.camera.controls.plan import Mode
from edge_node.camera.controls.session import CHECK_S, EFFECT_S, SETTLE_S, CameraControls
from tests.support.recorded_controls.v4l2 import RecordedKernel

GREY = np.full((48, 64, 3), 100, np.uint8)
EXPOSURE, GAIN, TEMPERATURE = 0x009A0902, 0x00980913, 0x0098091A


class Camera:
    """A recorded camera with its controls, and frames at the times that a test names."""

    def __init__(self, kernel, wishes):
        self.kernel = kernel
        self.controls = CameraControls(wishes)
        self.now_s = 100.0
        self.session = None

    def open(self, kernel=None, **options):
        """Open it, or another one in its place."""
        self.kernel = kernel or self.kernel
        self.session = self.controls.open(self.kernel.device(**options))
        return self.look(0)

    def look(self, later_s, pixels=GREY):
        """Give it a frame, so much later; return whether it may be judged."""
        self.now_s += later_s
        return self.session.look(pixels, self.now_s)

    @property
    def values(self):
        """What is in force, by key."""
        return {one.key: one.values for one in self.controls.report.controls}


def test_numbers_are_in_force_after_some_frames_as_the_camera_answers():
    """Frames from before are not judged; the report is what was read, in the configuration's units."""
    camera = Camera(RecordedKernel("c920"), {"exposure_us": 8049.0, "gain": 20.0, "white_balance": 4504.0})
    assert not camera.open()
    assert not camera.look(EFFECT_S / 2)
    assert camera.look(EFFECT_S)
    assert camera.values == {"exposure_us": (8000.0,), "gain": (20.0,), "white_balance": (4500.0,)}
    assert [one.unit for one in camera.controls.report.controls] == ["us", "", "K"]
    assert {one.mode for one in camera.controls.report.controls} == {Mode.FIXED}
    assert camera.controls.report.problems == ""


def test_a_lock_lets_the_camera_settle_and_keeps_what_it_found_over_every_opening():
    """The values that moved while automatic are written, and the same at the next opening, at once."""
    kernel = RecordedKernel("c920")
    kernel.drift = {EXPOSURE: 7, TEMPERATURE: 10}
    camera = Camera(kernel, {"exposure_us": "lock", "gain": "lock", "white_balance": "lock"})
    assert not camera.open()
    assert "settling for 3 s, then locked: exposure_us, white_balance" in camera.controls.report.notes[0]
    assert not camera.look(SETTLE_S)
    assert camera.look(EFFECT_S)
    locked = camera.values
    assert locked["exposure_us"][0] > 25_000
    assert kernel.named("auto_exposure").value == 1
    assert kernel.named("exposure_dynamic_framerate").value == 0
    fresh = RecordedKernel("c920")  # as after it was unplugged
    assert not camera.open(fresh)
    assert camera.look(EFFECT_S)
    assert camera.values == locked
    assert fresh.named("exposure_time_absolute").value == locked["exposure_us"][0] / 100


def test_a_value_that_stands_still_while_automatic_is_not_written():
    """Such a camera tells an old value: written, it would undo what the automatic found."""
    kernel = RecordedKernel("c920")
    camera = Camera(kernel, {"exposure_us": "lock"})
    camera.open()
    camera.look(SETTLE_S)
    camera.look(EFFECT_S)
    assert EXPOSURE not in [one for one, _ in kernel.written]
    assert camera.values == {"exposure_us": (25_000.0,)}


def test_a_picture_that_jumps_when_it_is_locked_is_told():
    """Only the picture shows a camera that does not expose as it says."""
    camera = Camera(RecordedKernel("c920"), {"exposure_us": "lock", "white_balance": "lock"})
    camera.open()
    camera.look(SETTLE_S)
    camera.look(EFFECT_S, np.full((48, 64, 3), (40, 40, 60), np.uint8))
    assert "0.46 times as bright and of another tint" in camera.controls.report.notes[0]


def test_a_camera_that_moves_back_is_a_fault_and_is_set_again():
    """What another program, or the camera itself, changed is told at the next check, and mended."""
    kernel = RecordedKernel("c920")
    camera = Camera(kernel, {"exposure_us": 8000.0, "white_balance": 4500.0})
    camera.open()
    camera.look(EFFECT_S)
    kernel.named("exposure_time_absolute").value = 156
    kernel.named("white_balance_automatic").value = 1
    assert camera.look(CHECK_S)
    problems = camera.controls.report.problems
    assert "exposure_us: moved by itself to 15600 µs instead of 8000 µs" in problems
    assert "white_balance: the camera keeps it automatic" in problems
    camera.look(CHECK_S)
    assert camera.controls.report.problems == ""
    assert kernel.named("exposure_time_absolute").value == 80


def test_what_cannot_be_written_is_told_and_frames_are_judged():
    """Another program holds a control: that is no error of the configuration, and inspection goes on."""
    kernel = RecordedKernel("c920")
    kernel.named("exposure_time_absolute").flags |= 2
    camera = Camera(kernel, {"exposure_us": 8000.0})
    camera.open()
    assert not camera.look(EFFECT_S)
    assert camera.look(EFFECT_S)
    problems = camera.controls.report.problems
    assert "exposure_time_absolute = 80 cannot be set: another program holds it" in problems
    assert "is 25000 µs instead of 8000 µs" in problems
    camera.look(CHECK_S)
    assert camera.controls.report.problems == problems
    kernel.named("exposure_time_absolute").flags &= ~2
    camera.look(CHECK_S)
    camera.look(CHECK_S)
    assert camera.controls.report.problems == ""


def test_a_value_without_effect_is_a_fault_and_one_that_only_takes_is_none():
    """A driver stores what it calls inactive, and reads it back; a write-only value cannot be judged."""
    kernel = RecordedKernel("c920", couples=False)  # the value stays inactive, whatever is written
    camera = Camera(kernel, {"white_balance": 4500.0, "focus": 10.0})
    kernel.named("focus_absolute").flags = ControlFlag.WRITE_ONLY
    camera.open()
    camera.look(EFFECT_S)
    camera.look(EFFECT_S)
    assert camera.controls.report.problems == "white_balance: has no effect: the driver calls it inactive"
    assert camera.values == {"white_balance": (4500.0,), "focus": ()}
    camera.look(CHECK_S)
    assert camera.controls.report.problems == "white_balance: has no effect: the driver calls it inactive"
    kernel.named("white_balance_temperature").flags = 0
    camera.look(CHECK_S)
    assert camera.controls.report.problems == ""


def test_what_a_camera_forgets_when_it_begins_to_stream_is_written_again():
    """Before any frame is judged, and without a fault."""
    kernel = RecordedKernel("c920")
    camera = Camera(kernel, {"exposure_us": 8000.0})
    camera.open()
    kernel.named("exposure_time_absolute").value = 250
    assert not camera.look(EFFECT_S)
    assert camera.look(EFFECT_S)
    assert camera.values == {"exposure_us": (8000.0,)}
    assert camera.controls.report.problems == ""


@pytest.mark.parametrize(
    ("name", "wishes"),
    [("capture_card", {"gain": 3.0}), ("bcm2835", {"exposure_us": "lock"}), ("c920", {"focus": 900.0})],
)
def test_a_camera_that_can_never_do_it_is_refused_at_the_first_start(name, wishes):
    """It answered that it has no such control or value, or hides what a lock would need."""
    camera = Camera(RecordedKernel(name, couples=name != "bcm2835"), wishes)
    with pytest.raises(ControlRefusedError, match=f"/dev/null: {next(iter(wishes))} = "):
        camera.open()


def test_a_camera_that_does_not_answer_is_not_refused():
    """An input error may pass: the node goes on and tells."""
    kernel = RecordedKernel("c920")
    kernel.errors = dict.fromkeys(kernel.controls, errno.EIO)
    camera = Camera(kernel, {"exposure_us": 8000.0})
    assert camera.open()
    assert "no control of its exposure" in camera.controls.report.problems


def test_a_camera_that_was_exchanged_for_one_that_cannot_is_told_and_judged():
    """In the middle of a mission another camera is better than none."""
    camera = Camera(RecordedKernel("c920"), {"exposure_us": 8000.0})
    camera.open()
    camera.look(EFFECT_S)
    assert camera.open(RecordedKernel("capture_card"))
    assert "no control of its exposure" in camera.controls.report.problems
    assert camera.values == {}


def test_automatic_is_turned_on_where_it_was_off():
    """Webcams keep what was set before, so "auto" is written; no value is told, for it moves."""
    kernel = RecordedKernel("c920")
    kernel.named("auto_exposure").value = 1
    camera = Camera(kernel, {"exposure_us": "auto", "gain": "auto"})
    camera.open()
    assert camera.look(EFFECT_S)
    assert kernel.named("auto_exposure").value == 3
    assert camera.values == {"exposure_us": (), "gain": ()}


def test_an_exposure_longer_than_a_frame_is_told():
    """The camera's own rate is known once it is open; fewer frames will come."""
    camera = Camera(RecordedKernel("c920"), {"exposure_us": 50_000.0})
    camera.open(frame_interval_us=33_333.0)
    camera.look(EFFECT_S)
    assert "wanted fps of at most 20" in camera.controls.report.notes[0]


def test_a_sensor_without_automatics_is_locked_where_it_stands():
    """There is nothing to turn off; what it counts in is not known, so there is no unit."""
    kernel = RecordedKernel("imx219_subdev")
    camera = Camera(kernel, {"exposure_us": "lock", "gain": "lock"})
    assert not camera.open()
    assert camera.look(EFFECT_S)
    assert camera.values == {"exposure_us": (1600.0,), "gain": (0.0,)}
    assert kernel.written == []
