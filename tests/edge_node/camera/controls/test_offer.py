"""Numbers of the configuration become counts of a control, and back, by its range, step and menu."""

from __future__ import annotations

import math

import pytest

from edge_node.camera.controls.control import Control, ControlKind, ControlRefusedError, Setting, Way
from edge_node.camera.controls.offer import describe_numbers, plain, to_counts, to_numbers

EXPOSURE = Way((Control(1, "exposure", ControlKind.INTEGER, 3, 2047, 4),), "us", 0.01)
ISO = Way((Control(2, "iso", ControlKind.NUMBER_MENU, 0, 4, menu=((0, "0"), (2, "200000"))),), "ISO", 1000)
GAINS = Way((Control("ColourGains", "ColourGains", ControlKind.NUMBER, 0, 32, 0),), "x")


@pytest.mark.parametrize(
    ("way", "wish", "counts", "number"),
    [
        (EXPOSURE, 300.0, (3,), (300.0,)),
        (EXPOSURE, 1000.0, (11,), (1100.0,)),  # steps count from the smallest value
        (EXPOSURE, 204_700.0, (2047,), (204_700.0,)),
        (ISO, 200.0, (2,), (200.0,)),
        (GAINS, (1.8, 1.5), ((1.8, 1.5),), (1.8, 1.5)),
    ],
)
def test_counts_and_numbers(way, wish, counts, number):
    """Rounded to the nearest step; an entry for a menu's number; a pair where one control holds both."""
    assert to_counts(Setting("gain", (way,)), wish) == (way, counts)
    assert to_numbers(way, counts) == number


@pytest.mark.parametrize(
    ("way", "wish"), [(EXPOSURE, 299.0), (EXPOSURE, 204_800.0), (ISO, 0.5), (GAINS, 1.0)]
)
def test_what_is_out_of_range_is_refused(way, wish):
    """No value is moved to the nearest bound."""
    with pytest.raises(ControlRefusedError, match="takes"):
        to_counts(Setting("gain", (way,)), wish)


def test_a_bound_that_is_not_told_is_left_out():
    """No number that the camera did not name stands in a message."""
    way = Way((Control("ExposureTime", "ExposureTime", ControlKind.INTEGER, 29, math.inf, 1),), "us")
    assert describe_numbers(way) == "at least 29 µs"


def test_numbers_are_written_without_exponent():
    """220416802 µs is not 2.2e+08."""
    assert [plain(number) for number in (220416802.0, 1.5, 0.0, 1.122807)] == [
        "220416802",
        "1.5",
        "0",
        "1.122807",
    ]
