"""What recorded picamera2 cameras offer for each key."""

from __future__ import annotations

import json

import pytest

from edge_node.camera.controls.offer import describe_offer
from edge_node.camera.controls.picamera_settings import find_picamera_settings
from tests.support.recorded_controls.v4l2 import FOLDER

OFFERS = {
    "imx708": {
        "exposure_us": '"auto", "lock" or 26 to 220416802 µs',
        "gain": '"auto", "lock" or 1.122807 to 16 times',
        "white_balance": '"auto", "lock", [red, blue], each 0 to 32 times or 100 to 100000 K',
        "focus": '"auto", "lock" or 0 to 15 dioptres',
    },
    "imx219": {
        "exposure_us": '"auto", "lock" or 75 to 11766829 µs',
        "gain": '"auto", "lock" or 1 to 10.666667 times',
        "white_balance": '"auto", "lock" or [red, blue], each 0 to 32 times',
    },
    "imx296_mono": {
        "exposure_us": '"auto", "lock" or at least 29 µs',
        "gain": '"auto", "lock" or 1 to 251.188644 times',
    },
}


@pytest.mark.parametrize("name", OFFERS)
def test_each_recorded_camera_offers_what_its_list_says(name):
    """With and without a lens that moves, kelvin, colour, and a largest exposure that is not told."""
    recorded = json.loads((FOLDER / f"{name}.json").read_text())
    settings = find_picamera_settings(recorded["camera_controls"], recorded["metadata"])
    assert {key: describe_offer(setting) for key, setting in settings.items()} == OFFERS[name]


def test_exposure_and_gain_are_automatic_until_they_are_set():
    """A camera that was just opened by picamera2 needs no switch: every opening begins automatic."""
    recorded = json.loads((FOLDER / "imx708.json").read_text())
    settings = find_picamera_settings(recorded["camera_controls"], recorded["metadata"])
    assert [settings[key].is_automatic for key in ("exposure_us", "gain", "white_balance", "focus")] == [
        True,
        True,
        True,
        False,
    ]
