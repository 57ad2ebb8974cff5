"""A recorded picamera2 camera, set and locked by the same steps as a V4L2 device."""

from __future__ import annotations

import pytest

from edge_node.camera.controls.picamera_device import PicameraControls
from edge_node.camera.controls.session import EFFECT_S, SETTLE_S, CameraControls
from tests.support.recorded_controls.picamera2 import Picamera2


@pytest.fixture
def library(monkeypatch):
    """Return the stand-in for an opened camera module 3."""
    monkeypatch.setenv("RECORDED_CAMERA", "imx708")
    return Picamera2(0)


def device(library):
    """Return the node's access to it."""
    return PicameraControls(
        library, "csi:0", lambda: library.capture_metadata(wait=1), frame_interval_us=33_333
    )


def brought(library, wishes, *waits_s):
    """Return the controls after frames at these times."""
    controls = CameraControls(wishes)
    session = controls.open(device(library))
    now_s = 10.0
    session.look(None, now_s)
    for wait_s in waits_s:
        now_s += wait_s
        session.look(None, now_s)
    return controls


def test_numbers_are_written_together_with_their_switches(library):
    """One call, so that they belong to the same frame; whole numbers where libcamera wants them."""
    wishes = {"exposure_us": 8000.0, "gain": 4.0, "white_balance": 4500.0, "focus": 2.5}
    controls = brought(library, wishes, EFFECT_S)
    assert library.written == [
        {
            "ExposureTime": 8000,
            "AnalogueGain": 4.0,
            "AwbEnable": False,
            "ColourTemperature": 4500,
            "AfMode": 0,
            "LensPosition": 2.5,
        }
    ]
    assert isinstance(library.written[0]["ExposureTime"], int)
    assert {one.key: (one.values, one.unit) for one in controls.report.controls} == {
        "exposure_us": ((8000.0,), "us"),
        "gain": ((4.0,), "x"),
        "white_balance": ((4500.0,), "K"),
        "focus": ((2.5,), "dpt"),
    }
    assert controls.report.problems == ""


def test_a_lock_writes_what_the_frames_told_when_it_had_settled(library):
    """Exposure, gain, red and blue, and the lens stay where the automatics had brought them."""
    wishes = dict.fromkeys(["exposure_us", "gain", "white_balance", "focus"], "lock")
    controls = brought(library, wishes, SETTLE_S, EFFECT_S)
    assert library.written == [
        {"AwbEnable": True, "AfMode": 2},
        {
            "ExposureTime": 19987,
            "AnalogueGain": 2.0,
            "AwbEnable": False,
            "ColourGains": (1.84, 1.52),
            "AfMode": 0,
            "LensPosition": 1.25,
        },
    ]
    assert [one.values for one in controls.report.controls] == [(19987.0,), (2.0,), (1.84, 1.52), (1.25,)]
    assert controls.report.problems == ""


def test_a_sensors_steps_are_no_fault_and_a_clipped_exposure_is(library):
    """Sensors count in lines; a frame that is shorter than the exposure cuts it."""
    controls = CameraControls({"exposure_us": 50_000.0, "gain": 4.0})
    session = controls.open(device(library))
    session.look(None, 1.0)
    for number in (1, 2):
        library.metadata |= {"ExposureTime": 33_251, "AnalogueGain": 3.97}
        is_set = session.look(None, 1.0 + number * EFFECT_S)
    assert is_set
    assert "wanted fps of at most 20" in controls.report.notes[0]
    assert controls.report.problems == "exposure_us: is 33251 µs instead of 50000 µs"


def test_what_the_library_refuses_is_one_sentence(library):
    """The names that it advertises may change between versions."""
    del library.camera_controls["AwbEnable"]
    failures = device(library).write({"AwbEnable": 0, "ColourGains": (1.5, 1.5)})
    assert failures == (
        "AwbEnable, ColourGains cannot be set (Control AwbEnable is not advertised by libcamera)",
    )
