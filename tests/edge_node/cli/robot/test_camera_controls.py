"""``edge-node cameras SOURCE --controls`` prints what a recorded camera offers and what is set now."""

from __future__ import annotations

import json
import sys

import pytest

from edge_node.cli.robot.camera_controls import show_controls
from edge_node.errors import CameraError
from tests.support.recorded_controls.v4l2 import FOLDER


@pytest.fixture(autouse=True)
def library(monkeypatch):
    """Put the stand-in for picamera2 where the library would be."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("RECORDED_CAMERA", "imx219")
    yield
    sys.modules.pop("picamera2", None)


def test_each_key_has_a_line_with_its_range_and_its_present_value(capsys):
    """Of a camera without focus three keys are printed."""
    balance = "[red, blue], each 0 to 32 times"
    assert show_controls("csi:0", as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "csi:0: what [camera] may set, and what is set now",
        '  exposure_us   "auto", "lock" or 75 to 11766829 µs; now automatic, 32680 µs',
        '  gain          "auto", "lock" or 1 to 10.666667 times; now automatic, 3.5 times',
        f'  white_balance "auto", "lock" or {balance}; now automatic, 1.51 and 1.98 times',
    ]


def test_programs_get_the_limits_as_numbers(capsys):
    """With --json."""
    assert show_controls("csi:0", as_json=True) == 0
    exposure, _, balance = json.loads(capsys.readouterr().out)["settings"]
    assert exposure["numbers"] == [
        {"unit": "us", "count": 1, "minimum": 75.0, "maximum": 11766829.0, "step": 1.0, "choices": []}
    ]
    assert (exposure["is_automatic"], exposure["values"], exposure["lock"]) == (True, [32680.0], True)
    assert (balance["numbers"][0]["count"], balance["values"]) == (2, [1.51, 1.98])


def test_a_device_without_controls_is_exit_code_1(capsys):
    """It answered, and offers none."""
    assert show_controls("/dev/null", as_json=False) == 1
    assert "offers none of exposure_us" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["rtsp://10.0.0.9/live", "gst:videotestsrc", "/dev/video_none"])
def test_a_source_that_has_none_says_so(source):
    """And a device that is not there."""
    with pytest.raises(CameraError, match=r"has controls that the node can set|controls cannot be opened"):
        show_controls(source, as_json=True)
