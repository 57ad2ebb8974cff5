"""Print what a camera offers for the control keys of ``[camera]``, and what is set now."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from edge_node.camera.capture.opening import open_camera
from edge_node.camera.controls.control import ControlDevice, ControlKind, Setting, Way
from edge_node.camera.controls.offer import (
    can_be_automatic,
    choices,
    describe_offer,
    describe_values,
    limits,
    to_numbers,
)
from edge_node.camera.controls.v4l2_device import V4l2Controls
from edge_node.camera.controls.wishes import KEYS, NONE_HERE, say_instead
from edge_node.camera.source import SourceKind, parse_source
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator


class OfferedNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers that one way of setting takes; a limit is null where the camera tells none."""

    unit: str
    count: int
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[float, ...] = ()


class OfferedSetting(msgspec.Struct, frozen=True, kw_only=True):
    """What may be configured for one key, and what is set now."""

    key: str
    takes: str
    auto: bool
    lock: bool
    numbers: tuple[OfferedNumbers, ...]
    is_automatic: bool
    values: tuple[float, ...]
    unit: str


def show_controls(source: str, *, as_json: bool) -> int:
    """Print one line for each key that the camera offers; exit code 1 if it offers none.

    Raises:
        CameraError: it cannot be opened, or is of a kind that offers none.
    """
    with _open_device(source) as device:
        name, settings = device.name, device.settings()
    offered = [_describe(settings[key]) for key in KEYS if key in settings]
    if as_json:
        print(msgspec.json.encode({"source": name, "settings": offered}).decode())
    elif offered:
        print(f"{name}: what [camera] may set, and what is set now")
        for one in offered:
            print(f"  {one.key:<14}{one.takes}; now {_now(one)}")
    else:
        print(f"{name}: offers none of {', '.join(KEYS)}")
    return 0 if offered else 1


@contextmanager
def _open_device(text: str) -> Iterator[ControlDevice]:
    source = parse_source(text)
    if instead := say_instead(source):
        raise CameraError(f"{source.name}: {NONE_HERE}; {instead}")
    if source.kind is SourceKind.DEVICE:  # needs no frames, and may be in use
        device = V4l2Controls(source.address)
        try:
            yield device
        finally:
            device.close()
        return
    camera = open_camera(CameraConfig(source=text), stop=threading.Event())
    try:
        yield getattr(camera, "controls")  # noqa: B009  only some cameras have any, and csi has
    finally:
        camera.close()


def _describe(setting: Setting) -> OfferedSetting:
    way = setting.ways[0] if setting.ways else None
    values = [control.value for control in way.controls if control.value is not None] if way else []
    is_read = way is not None and len(values) == len(way.controls)
    return OfferedSetting(
        key=setting.key,
        takes=describe_offer(setting),
        auto=can_be_automatic(setting) or bool(setting.follows),
        lock=setting.manual is not None or setting.switch is None,
        numbers=tuple(_numbers(way) for way in setting.ways if not way.refusal),
        is_automatic=setting.is_automatic,
        values=to_numbers(way, tuple(values)) if way is not None and is_read else (),
        unit=way.unit if way is not None else "",
    )


def _numbers(way: Way) -> OfferedNumbers:
    if way.controls[0].kind is ControlKind.NUMBER_MENU:
        return OfferedNumbers(unit=way.unit, count=way.width, choices=choices(way))
    minimum, maximum, step = limits(way)
    return OfferedNumbers(unit=way.unit, count=way.width, minimum=minimum, maximum=maximum, step=step)


def _now(one: OfferedSetting) -> str:
    value = describe_values(one.values, one.unit) if one.values else ""
    automatic = "automatic" if one.is_automatic else ""
    return ", ".join(filter(None, [automatic, value])) or "not told"
