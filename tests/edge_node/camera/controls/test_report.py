"""A report gathers what is wrong into one text."""

from __future__ import annotations

from edge_node.camera.controls.plan import Mode
from edge_node.camera.controls.report import ControlInForce, ControlReport


def test_problems_name_their_key_and_a_good_report_has_none():
    """The faults of single settings first, then what failed for the camera."""
    good = ControlInForce("gain", Mode.FIXED, (20.0,))
    bad = ControlInForce("exposure_us", Mode.FIXED, fault="cannot be read back")
    assert ControlReport((good,), notes=("slow",)).problems == ""
    report = ControlReport((good, bad), faults=("gain = 3 cannot be set",))
    assert report.problems == "exposure_us: cannot be read back; gain = 3 cannot be set"
