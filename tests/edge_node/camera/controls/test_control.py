"""What a driver's flags say of an automatic: on, off, or hidden."""

from __future__ import annotations

from msgspec.structs import replace

from edge_node.camera.controls.control import Control, ControlFlag, Setting, Way

SWITCH = Control(1, "auto", value=1.0)
VALUE = Control(2, "value")


def test_a_setting_is_automatic_while_its_switch_is_not_at_manual():
    """Shutter or aperture priority count as automatic too; without a switch the opening decides."""
    setting = Setting("focus", (Way((VALUE,)),), SWITCH, 1, 0)
    assert setting.is_automatic
    assert not replace(setting, switch=replace(SWITCH, value=0.0)).is_automatic
    assert not replace(setting, switch=None).is_automatic
    assert replace(setting, switch=None, starts_automatic=True).is_automatic


def test_a_driver_that_marks_the_value_does_not_hide_its_automatic():
    """Inactive or volatile: the driver knows that the camera moves the value."""
    hidden = Setting("focus", (Way((VALUE,)),), SWITCH, 1, 0)
    assert hidden.hides_automatic
    for flag in (ControlFlag.INACTIVE, ControlFlag.VOLATILE):
        assert not replace(hidden, ways=(Way((replace(VALUE, flags=flag),)),)).hides_automatic
    assert not replace(hidden, switch=replace(SWITCH, value=0.0)).hides_automatic
