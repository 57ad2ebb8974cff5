"""Find exposure, gain, white balance and focus among the controls that picamera2 names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edge_node.camera.controls.control import Control, ControlFlag, ControlKind, Setting, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

_AF_MANUAL, _AF_CONTINUOUS = 0, 2  # libcamera's AfMode
# What a frame's metadata may differ by from what was set: a line of the sensor, a step of its gain.
_TOLERANCES = {
    "ExposureTime": 40.0,  # µs
    "AnalogueGain": 0.05,
    "ColourGains": 0.02,
    "ColourTemperature": 50.0,  # K
    "LensPosition": 0.05,  # dioptres
}


def find_picamera_settings(offered: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Setting]:
    """Return what ``camera_controls`` offers for each key of ``[camera]``; a key without any is missing.

    Exposure and gain are automatic from each opening on, until a number is written.

    Args:
        offered: ``Picamera2.camera_controls``: least, largest and default value by name.
        values: a frame's metadata: the present values by name.
    """
    known = {name: _control(name, offered[name], values.get(name)) for name in offered}
    found = []
    for key, name, unit in (("exposure_us", "ExposureTime", "us"), ("gain", "AnalogueGain", "x")):
        if name in known:
            found.append(Setting(key, (Way((known[name],), unit),), starts_automatic="AeEnable" in known))
    balance = [
        Way((known[name],), unit)
        for name, unit in (("ColourGains", "x"), ("ColourTemperature", "K"))
        if name in known
    ]
    if balance:
        switch = known.get("AwbEnable")
        found.append(Setting("white_balance", tuple(balance), switch, 1, 0, starts_automatic=True))
    if "LensPosition" in known:
        way = Way((known["LensPosition"],), "dpt")
        found.append(Setting("focus", (way,), known.get("AfMode"), _AF_CONTINUOUS, _AF_MANUAL))
    return {setting.key: setting for setting in found}


def _control(name: str, limits: Any, value: Any) -> Control:
    low, high, default = (_number(limit) for limit in limits)
    is_whole = name in {"ExposureTime", "ColourTemperature", "AfMode"}
    return Control(
        name,
        name,
        ControlKind.INTEGER if is_whole else ControlKind.NUMBER,
        low if low is not None else -math.inf,
        # Before a camera has told, its largest exposure is 0.
        high if high is not None and low is not None and high > low else math.inf,
        1 if is_whole else 0,
        default,
        _value(value),
        flags=ControlFlag.VOLATILE,
        tolerance=_TOLERANCES.get(name, 0),
    )


def _number(limit: Any) -> float | None:
    return float(limit) if isinstance(limit, bool | int | float) else None


def _value(value: Any) -> float | tuple[float, float] | None:
    if isinstance(value, tuple | list) and len(value) == 2:
        return float(value[0]), float(value[1])
    return _number(value)
