"""What is written to a recorded camera for what is wished, in which order, and what is refused."""

from __future__ import annotations

import pytest

from edge_node.camera.controls.control import ControlFlag, ControlRefusedError
from edge_node.camera.controls.plan import plan_goals, refuse_hidden
from tests.support.recorded_controls.v4l2 import RecordedKernel


def opening(name, wishes, held=None):
    """Return what is written at an opening, by the controls' names."""
    goals = plan_goals(RecordedKernel(name).device().settings(), wishes, held or {})
    return [(control.name, value) for goal in goals for control, value in goal.opening_writes()]


def refusal(name, wishes):
    """Return why a recorded camera cannot do what is wished."""
    with pytest.raises(ControlRefusedError) as caught:
        plan_goals(RecordedKernel(name).device().settings(), wishes, {})
    return str(caught.value)


def test_numbers_turn_the_automatic_off_before_they_are_set():
    """Exposure counts 100 µs, the frame rate is held, values are rounded to the camera's steps."""
    wishes = {"exposure_us": 8049.0, "gain": 20.0, "white_balance": 4504.0, "focus": 23.0}
    assert opening("c920", wishes) == [
        ("exposure_dynamic_framerate", 0),
        ("auto_exposure", 1),
        ("exposure_time_absolute", 80),
        ("gain", 20),
        ("white_balance_automatic", 0),
        ("white_balance_temperature", 4500),
        ("focus_automatic_continuous", 0),
        ("focus_absolute", 25),
    ]
    assert opening("c270", {"exposure_us": 10000.0})[1:] == [("exposure_auto", 1), ("exposure_absolute", 100)]


def test_a_lock_turns_the_automatic_on_first_and_remembered_values_are_written_at_once():
    """At the first opening the camera must find its values; at later ones they are known."""
    wishes = {"white_balance": "lock", "exposure_us": "lock"}
    assert opening("c920", wishes) == [
        ("exposure_dynamic_framerate", 0),
        ("auto_exposure", 3),
        ("white_balance_automatic", 1),
    ]
    held = {"exposure_us": (312.0,), "white_balance": (4760.0,)}
    assert opening("c920", wishes, held)[1:] == [
        ("auto_exposure", 1),
        ("exposure_time_absolute", 312.0),
        ("white_balance_automatic", 0),
        ("white_balance_temperature", 4760.0),
    ]


def test_what_was_locked_on_another_camera_is_not_written_where_it_does_not_fit():
    """A camera that was exchanged finds its own values."""
    held = {"white_balance": (9000.0,)}
    assert opening("c920", {"white_balance": "lock"}, held) == [("white_balance_automatic", 1)]


def test_the_legacy_drivers_gains_and_iso_are_set():
    """Red and blue where there is no kelvin, ISO as the entry of a menu."""
    wishes = {"gain": 200.0, "white_balance": (1800.0, 1500.0)}
    assert opening("bcm2835", wishes) == [
        ("iso_sensitivity_auto", 0),
        ("iso_sensitivity", 2),
        ("white_balance_auto_preset", 0),
        ("red_balance", 1800),
        ("blue_balance", 1500),
    ]


@pytest.mark.parametrize(
    ("name", "wishes", "words"),
    [
        (
            "c920",
            {"exposure_us": 50.0},
            "exposure_us = 50: this camera takes 300 to 204700 µs in steps of 100",
        ),
        ("c920", {"white_balance": 9000.0}, "takes 2000 to 7500 K in steps of 10"),
        (
            "c920",
            {"white_balance": (1.8, 1.5)},
            '= [1.8, 1.5]: this camera takes no [red, blue]; it takes "auto"',
        ),
        ("c920", {"gain": 10.0}, "one automatic for gain and exposure: set exposure_us too"),
        ("c920", {"gain": 10.0, "exposure_us": "auto"}, "set exposure_us too, to a number"),
        ("c920", {"gain": "auto", "exposure_us": 8000.0}, 'set exposure_us = "auto" too, or remove gain'),
        ("c270", {"focus": "lock"}, "no control of its focus (it has: exposure_us, gain, white_balance)"),
        ("facecam", {"gain": "lock"}, "no control of its gain"),
        ("bcm2835", {"white_balance": 4500.0}, "each 1 to 7999"),
        ("bcm2835", {"gain": 300.0}, "takes ISO 100, 200, 400, 800"),
        ("imx219_subdev", {"exposure_us": "auto"}, 'no automatic exposure; it takes "lock"'),
        ("imx219_subdev", {"exposure_us": 8000.0}, "counts exposure in steps of its own, not in µs"),
        ("ov534", {"white_balance": 4500.0}, 'takes "auto" or "lock"'),
        ("capture_card", {"exposure_us": "lock"}, "no control of its exposure (it has: none of the four)"),
    ],
)
def test_what_a_camera_cannot_do_is_refused_with_what_it_can(name, wishes, words):
    """One sentence names the key, the value and what this camera takes instead."""
    assert words in refusal(name, wishes)


def test_all_refusals_come_together():
    """Each wish that cannot be is named, not the first alone."""
    text = refusal("c270", {"exposure_us": 0.5, "focus": 10.0})
    assert "exposure_us = 0.5" in text
    assert "focus = 10" in text


def test_a_read_only_control_is_refused_and_a_grabbed_one_is_not():
    """What a driver never allows is an error of the configuration; what another program holds now is none."""
    kernel = RecordedKernel("c920")
    kernel.named("white_balance_temperature").flags |= ControlFlag.READ_ONLY
    with pytest.raises(ControlRefusedError, match="white_balance_temperature is read-only in its driver"):
        plan_goals(kernel.device().settings(), {"white_balance": 4500.0}, {})
    assert plan_goals(kernel.device().settings(), {"white_balance": "lock"}, {})
    kernel.named("white_balance_automatic").flags |= ControlFlag.READ_ONLY
    with pytest.raises(ControlRefusedError, match="white balance of this camera cannot be turned off"):
        plan_goals(kernel.device().settings(), {"white_balance": "lock"}, {})
    kernel.named("exposure_time_absolute").flags |= ControlFlag.GRABBED
    assert plan_goals(kernel.device().settings(), {"exposure_us": 8000.0}, {})


def test_a_menu_without_a_manual_entry_cannot_be_locked():
    """A camera whose exposure is always automatic says so."""
    kernel = RecordedKernel("c920")
    del kernel.named("auto_exposure").menu[1]
    with pytest.raises(ControlRefusedError, match="automatic exposure of this camera cannot be turned off"):
        plan_goals(kernel.device().settings(), {"exposure_us": "lock"}, {})


def test_a_driver_that_hides_what_its_automatic_found_cannot_lock():
    """The Pi's legacy driver would jump to gains of 1.0: numbers are asked for, and taken."""
    kernel = RecordedKernel("bcm2835", couples=False)
    settings = kernel.device().settings()
    goals = plan_goals(settings, {"white_balance": "lock"}, {})
    with pytest.raises(ControlRefusedError, match=r"would jump; give .*\[red, blue\], each 1 to 7999"):
        refuse_hidden(goals, settings)
    webcam = RecordedKernel("c920").device().settings()
    refuse_hidden(plan_goals(webcam, {"white_balance": "lock", "exposure_us": "lock"}, {}), webcam)
