"""The ioctls of V4L2 controls, answered by recorded lists in the kernel's own structures."""

from __future__ import annotations

import errno
import os

import pytest

from edge_node.camera.controls import v4l2_device
from edge_node.camera.controls.control import ControlFlag, ControlKind
from edge_node.camera.controls.v4l2_device import V4l2Controls
from edge_node.errors import CameraError
from tests.support.recorded_controls.v4l2 import G_CTRL, QUERYCTRL, QUERYMENU, S_CTRL, RecordedKernel

EXPOSURE = 0x009A0902


def test_the_numbers_of_the_ioctls_are_the_kernels():
    """Built from the structures' sizes, they are what the kernel's header gives on 32 and 64 bits."""
    ours = (v4l2_device.QUERYCTRL, v4l2_device.QUERYMENU, v4l2_device.G_CTRL, v4l2_device.S_CTRL)
    assert ours == (QUERYCTRL, QUERYMENU, G_CTRL, S_CTRL)


def test_controls_are_listed_with_range_menu_and_flags():
    """A webcam's list comes back whole: names as v4l2-ctl writes them, holes in menus, inactive values."""
    controls = {control.name: control for control in RecordedKernel("c920").device().controls()}
    assert len(controls) == 14
    exposure = controls["exposure_time_absolute"]
    assert (exposure.minimum, exposure.maximum, exposure.step, exposure.value) == (3, 2047, 1, 250)
    assert ControlFlag.INACTIVE in exposure.flags
    assert controls["auto_exposure"].menu == ((1, "Manual Mode"), (3, "Aperture Priority Mode"))
    assert controls["focus_absolute"].step == 5


def test_number_menus_give_numbers_and_other_kinds_are_left_out():
    """Menus of numbers are read as 64-bit numbers; buttons, which hold no value, are not listed."""
    controls = {control.name: control for control in RecordedKernel("bcm2835").device().controls()}
    iso = controls["iso_sensitivity"]
    assert iso.kind is ControlKind.NUMBER_MENU
    assert iso.menu[1:3] == ((1, "100000"), (2, "200000"))
    assert controls["auto_exposure_bias"].menu[0] == (0, "-4000")
    assert "force_key_frame" not in controls


def test_values_are_written_in_order_and_read_back():
    """Each is an ioctl of its own, so that one that fails does not hide the others."""
    kernel = RecordedKernel("c920")
    device = kernel.device()
    device.controls()
    kernel.named("gain").flags |= ControlFlag.GRABBED
    failures = device.write({0x009A0901: 1, 0x00980913: 10, EXPOSURE: 80.0})
    assert kernel.written == [(0x009A0901, 1), (EXPOSURE, 80)]
    assert failures == ("gain = 10 cannot be set: another program holds it",)
    assert device.read([EXPOSURE, 0x009A0901, 0x12345]) == {EXPOSURE: 80.0, 0x009A0901: 1.0}


def test_a_camera_that_fails_at_one_control_is_asked_for_the_others():
    """An input error is no answer: those behind it are asked for by id, and it says that it was silent."""
    kernel = RecordedKernel("c920")
    kernel.errors[0x00980913] = errno.EIO
    device = kernel.device()
    settings = device.settings()
    assert set(settings) == {"exposure_us", "white_balance", "focus"}
    assert not device.answered
    del kernel.errors[0x00980913]
    assert "gain" in device.settings()
    assert device.answered


def test_a_driver_that_cannot_enumerate_is_asked_by_id():
    """Old drivers answer single ids alone."""
    kernel = RecordedKernel("c270")

    def old(descriptor, request, buffer):
        if request == QUERYCTRL and buffer[3] & 0x80:
            raise OSError(errno.EINVAL, "knows no next")
        return kernel(descriptor, request, buffer)

    device = V4l2Controls(os.devnull, ioctl=old)
    assert set(device.settings()) == {"exposure_us", "gain", "white_balance"}
    assert device.answered


def test_a_node_without_controls_offers_none():
    """What knows no control ioctl at all, asked for real, has answered: it has none."""
    device = V4l2Controls(os.devnull)
    assert device.settings() == {}
    assert device.answered
    device.close()


def test_a_device_that_cannot_be_opened_is_one_sentence(tmp_path):
    """The camera may go between its frames and its controls."""
    with pytest.raises(CameraError, match="controls cannot be opened"):
        V4l2Controls(str(tmp_path / "video9"))
