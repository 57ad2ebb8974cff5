"""Find exposure, gain, white balance and focus among the controls of a V4L2 device.

Controls are known by their ids: their names changed over the years (``exposure_absolute`` became
``exposure_time_absolute``), the ids did not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_node.camera.controls.control import Control, ControlFlag, Setting, Way

if TYPE_CHECKING:
    from collections.abc import Iterable

# linux/v4l2-controls.h
AUTO_WHITE_BALANCE, RED_BALANCE, BLUE_BALANCE = 0x0098090C, 0x0098090E, 0x0098090F
EXPOSURE, AUTOGAIN, GAIN, WHITE_BALANCE_TEMPERATURE = 0x00980911, 0x00980912, 0x00980913, 0x0098091A
EXPOSURE_AUTO, EXPOSURE_ABSOLUTE, EXPOSURE_AUTO_PRIORITY = 0x009A0901, 0x009A0902, 0x009A0903
FOCUS_ABSOLUTE, FOCUS_AUTO = 0x009A090A, 0x009A090C
WHITE_BALANCE_PRESET, ISO, ISO_AUTO = 0x009A0914, 0x009A0917, 0x009A0918
ANALOGUE_GAIN = 0x009E0903
KNOWN_IDS = (
    *(AUTO_WHITE_BALANCE, RED_BALANCE, BLUE_BALANCE, EXPOSURE, AUTOGAIN, GAIN, WHITE_BALANCE_TEMPERATURE),
    *(EXPOSURE_AUTO, EXPOSURE_ABSOLUTE, EXPOSURE_AUTO_PRIORITY, FOCUS_ABSOLUTE, FOCUS_AUTO),
    *(WHITE_BALANCE_PRESET, ISO, ISO_AUTO, ANALOGUE_GAIN),
)

_PER_US = 0.01  # exposure_time_absolute counts 100 µs
_AUTO_MODE, _MANUAL_MODE, _SHUTTER_PRIORITY, _APERTURE_PRIORITY = 0, 1, 2, 3  # of exposure_auto
_MIN_KELVIN = 1000  # cameras whose largest "temperature" is below count in steps of their own


def find_v4l2_settings(controls: Iterable[Control]) -> dict[str, Setting]:
    """Return what the controls offer for each key of ``[camera]``; a key without any is missing."""
    by_id = {control.id: control for control in controls if ControlFlag.DISABLED not in control.flags}
    exposure = _exposure(by_id)
    found = [exposure, _gain(by_id, exposure), _white_balance(by_id), _focus(by_id)]
    return {
        setting.key: _without_read_only(setting)
        for setting in found
        if setting.ways or setting.switch is not None
    }


def _exposure(by_id: dict[int | str, Control]) -> Setting:
    ways: tuple[Way, ...] = ()
    if (absolute := by_id.get(EXPOSURE_ABSOLUTE)) is not None:
        ways = (Way((absolute,), "us", _PER_US),)
    elif (lines := by_id.get(EXPOSURE)) is not None:
        ways = (Way((lines,), refusal="this camera counts exposure in steps of its own, not in µs"),)
    switch, automatic, manual = by_id.get(EXPOSURE_AUTO), None, None
    if switch is not None:
        automatic = _first_of((switch.default, _APERTURE_PRIORITY, _AUTO_MODE), switch, allowed={0, 3})
        manual = _first_of((_MANUAL_MODE, _SHUTTER_PRIORITY), switch, allowed={1, 2})
    # In automatic it lets the camera expose for longer than a frame, and so give fewer frames.
    priority = by_id.get(EXPOSURE_AUTO_PRIORITY)
    is_settable = priority is not None and ControlFlag.READ_ONLY not in priority.flags
    steady = ((priority, 0),) if priority is not None and is_settable else ()
    return Setting("exposure_us", ways, switch, automatic, manual, steady=steady)


def _gain(by_id: dict[int | str, Control], exposure: Setting) -> Setting:
    gain = by_id.get(GAIN) or by_id.get(ANALOGUE_GAIN)
    if (auto_gain := by_id.get(AUTOGAIN)) is not None:
        return Setting("gain", (Way((gain,)),) if gain else (), auto_gain, 1, 0)
    if gain is not None:
        follows = exposure.key if exposure.automatic is not None else ""
        return Setting("gain", (Way((gain,)),), follows=follows)
    if (iso := by_id.get(ISO)) is not None:  # in thousandths
        return Setting("gain", (Way((iso,), "ISO", 1000),), by_id.get(ISO_AUTO), 1, 0)
    return Setting("gain")


def _white_balance(by_id: dict[int | str, Control]) -> Setting:
    ways = []
    if (temperature := by_id.get(WHITE_BALANCE_TEMPERATURE)) is not None:
        ways.append(Way((temperature,), "K" if temperature.maximum >= _MIN_KELVIN else ""))
    red, blue = by_id.get(RED_BALANCE), by_id.get(BLUE_BALANCE)
    if red is not None and blue is not None:
        ways.append(Way((red, blue)))
    switch = by_id.get(AUTO_WHITE_BALANCE) or by_id.get(WHITE_BALANCE_PRESET)  # both: 1 auto, 0 manual
    return Setting("white_balance", tuple(ways), switch, 1, 0)


def _focus(by_id: dict[int | str, Control]) -> Setting:
    focus = by_id.get(FOCUS_ABSOLUTE)
    return Setting("focus", (Way((focus,)),) if focus else (), by_id.get(FOCUS_AUTO), 1, 0)


def _without_read_only(setting: Setting) -> Setting:
    """Return the setting without what the driver shows but lets nobody change."""
    ways = []
    for way in setting.ways:
        fixed = [control.name for control in way.controls if ControlFlag.READ_ONLY in control.flags]
        ways.append(replace(way, refusal=f"{fixed[0]} is read-only in its driver") if fixed else way)
    if setting.switch is not None and ControlFlag.READ_ONLY in setting.switch.flags:
        return replace(setting, ways=tuple(ways), automatic=None, manual=None)
    return replace(setting, ways=tuple(ways))


def _first_of(wanted: Iterable[float | None], menu: Control, *, allowed: set[int]) -> int | None:
    """Return the first of ``wanted`` that is allowed and in the menu, if the driver tells that."""
    for number in wanted:
        if number in allowed and (not menu.menu or number in menu.entries):
            return int(number)
    return None
