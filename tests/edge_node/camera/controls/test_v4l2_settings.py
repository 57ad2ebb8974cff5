"""What recorded V4L2 cameras offer for each key: found by id, whatever the driver calls it."""

from __future__ import annotations

import pytest

from edge_node.camera.controls.offer import describe_offer
from tests.support.recorded_controls.v4l2 import RecordedKernel

OFFERS = {
    "c920": {
        "exposure_us": '"auto", "lock" or 300 to 204700 µs in steps of 100',
        "gain": '"auto", "lock" or 0 to 255',
        "white_balance": '"auto", "lock" or 2000 to 7500 K in steps of 10',
        "focus": '"auto", "lock" or 0 to 250 in steps of 5',
    },
    "c270": {
        "exposure_us": '"auto", "lock" or 100 to 1000000 µs in steps of 100',
        "gain": '"auto", "lock" or 0 to 255',
        "white_balance": '"auto", "lock" or 0 to 10000 K in steps of 10',
    },
    "facecam": {
        "exposure_us": '"auto", "lock" or 100 to 250000 µs in steps of 100',
        "white_balance": '"auto", "lock" or 2800 to 12500 K in steps of 100',
    },
    "bcm2835": {
        "exposure_us": '"auto", "lock" or 100 to 1000000 µs in steps of 100',
        "gain": '"auto", "lock" or ISO 100, 200, 400, 800',
        "white_balance": '"auto", "lock" or [red, blue], each 1 to 7999',
    },
    "imx219_subdev": {"exposure_us": '"lock"', "gain": '"lock" or 0 to 232'},
    "ov534": {
        "exposure_us": '"auto" or "lock"',
        "gain": '"auto", "lock" or 0 to 63',
        "white_balance": '"auto" or "lock"',
    },
    "capture_card": {},
}


@pytest.mark.parametrize("name", OFFERS)
def test_each_recorded_camera_offers_what_its_list_says(name):
    """Old and new names, holes in menus, gain as ISO, red and blue for kelvin, exposure in lines, none."""
    settings = RecordedKernel(name).device().settings()
    assert {key: describe_offer(setting) for key, setting in settings.items()} == OFFERS[name]


@pytest.mark.parametrize(
    ("name", "automatic", "manual"),
    [("c920", 3, 1), ("c270", 3, 1), ("facecam", 0, 2), ("bcm2835", 0, 1), ("ov534", 0, 1)],
)
def test_the_automatic_and_the_manual_exposure_are_entries_of_the_menu(name, automatic, manual):
    """Each camera knows two of the four modes of exposure; another number would be refused."""
    exposure = RecordedKernel(name).device().settings()["exposure_us"]
    assert (exposure.automatic, exposure.manual) == (automatic, manual)
    assert exposure.is_automatic


def test_the_gain_of_a_webcam_follows_its_exposure():
    """Without a switch of its own, gain is moved by the automatic exposure; with one it is not."""
    assert RecordedKernel("c920").device().settings()["gain"].follows == "exposure_us"
    assert RecordedKernel("ov534").device().settings()["gain"].follows == ""
    assert RecordedKernel("imx219_subdev").device().settings()["gain"].follows == ""


def test_a_disabled_control_is_not_there():
    """A driver keeps a place for what this camera has not."""
    kernel = RecordedKernel("c920")
    kernel.named("focus_absolute").flags |= 1
    kernel.named("focus_automatic_continuous").flags |= 1
    assert "focus" not in kernel.device().settings()
