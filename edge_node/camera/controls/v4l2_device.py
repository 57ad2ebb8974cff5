"""Read and write the controls of a V4L2 device by its ioctls.

Only those with 32-bit values are used: the kernel offers them for all drivers, and their structures hold no
pointers, so that they are the same on every processor.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from typing import TYPE_CHECKING, Protocol

from edge_node.camera.controls.control import Control, ControlFlag, ControlKind, Value
from edge_node.camera.controls.v4l2_settings import KNOWN_IDS, find_v4l2_settings
from edge_node.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_node.camera.controls.control import ControlId, Setting

# linux/videodev2.h: struct v4l2_queryctrl, v4l2_querymenu (packed) and v4l2_control.
_QUERY, _MENU, _CONTROL = struct.Struct("=II32siiiiI8x"), struct.Struct("=II32s4x"), struct.Struct("=Ii")
_READ_WRITE = 3


def _request(number: int, size: int) -> int:
    """Return the number of an ioctl of V4L2 that reads and writes ``size`` bytes."""
    return _READ_WRITE << 30 | size << 16 | ord("V") << 8 | number


QUERYCTRL, QUERYMENU = _request(36, _QUERY.size), _request(37, _MENU.size)
G_CTRL, S_CTRL = _request(27, _CONTROL.size), _request(28, _CONTROL.size)
_NEXT = 0x80000000  # the control after this id
_MAX_CONTROLS, _MAX_ENTRIES = 1000, 256  # a driver that never ends must not hang the node
_KINDS = {
    1: ControlKind.INTEGER,
    2: ControlKind.SWITCH,
    3: ControlKind.MENU,
    9: ControlKind.NUMBER_MENU,
}
_NO_SUCH = {errno.EINVAL, errno.ENOTTY}  # the answer for a control, or any control, that is not there
_FAULTS = {
    errno.EBUSY: "another program holds it",
    errno.EACCES: "it may not be changed now",
    errno.ERANGE: "the driver refuses the value",
    errno.EINVAL: "the driver refuses the value",
    errno.EIO: "the camera does not answer",
    errno.ENODEV: "the camera is gone",
    errno.ENOENT: "the camera is gone",
}


class Ioctl(Protocol):
    """``fcntl.ioctl`` with a buffer that it may change."""

    def __call__(self, descriptor: int, request: int, buffer: bytearray, /) -> int:
        """Raise OSError where the driver refuses."""


class V4l2Controls:
    """The controls of a V4L2 device, beside whoever reads its frames; satisfies ``ControlDevice``."""

    def __init__(
        self,
        path: str,
        *,
        frame_interval_us: float | None = None,
        ioctl: Ioctl = fcntl.ioctl,
    ) -> None:
        """Open the device a second time, for its controls alone.

        Raises:
            CameraError: it cannot be opened.
        """
        self.name = path
        self.frame_interval_us = frame_interval_us
        self._ioctl = ioctl
        self._names: dict[ControlId, str] = {}
        self.answered = True
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as err:
            raise CameraError(f"camera {path}: its controls cannot be opened ({err.strerror})") from err

    def close(self) -> None:
        """Close the device; its controls stay as they are."""
        os.close(self._descriptor)

    def controls(self) -> tuple[Control, ...]:
        """Return every control that the node can read and write, with its present value."""
        self.answered = True
        found = tuple({control.id: control for control in self._enumerate()}.values())
        self._names = {control.id: control.name for control in found}
        return found

    def settings(self) -> dict[str, Setting]:
        """Return what the device offers for each key of ``[camera]``, with present values and flags."""
        return find_v4l2_settings(self.controls())

    def read(self, ids: Iterable[ControlId]) -> dict[ControlId, Value]:
        """Return the present values; those that cannot be read are missing."""
        found = {one: self._value(one) for one in ids if isinstance(one, int)}
        return {one: value for one, value in found.items() if value is not None}

    def write(self, values: Mapping[ControlId, Value]) -> tuple[str, ...]:
        """Write the values in their order, and return a sentence for each that failed."""
        failures = []
        for one, value in values.items():
            if not isinstance(one, int) or isinstance(value, tuple):
                continue
            try:
                self._call(S_CTRL, bytearray(_CONTROL.pack(one, round(value))))
            except OSError as err:
                why = _FAULTS.get(err.errno or 0, err.strerror)
                failures.append(f"{self._names.get(one, hex(one))} = {round(value)} cannot be set: {why}")
        return tuple(failures)

    def _enumerate(self) -> Iterator[Control]:
        last, count = 0, 0
        while count < _MAX_CONTROLS and (query := self._query(last | _NEXT)) is not None:
            last, count = query[0], count + 1
            yield from self._control(query)
        # Drivers from before 2006 know no "next"; a camera that fails at one control tells none behind it.
        if not count or not self.answered:
            for one in KNOWN_IDS:
                if (query := self._query(one)) is not None:
                    yield from self._control(query)

    def _control(self, query: tuple[int, int, bytes, int, int, int, int, int]) -> Iterator[Control]:
        one, kind_number, text, low, high, step, default, flags = query
        kind = _KINDS.get(kind_number)
        if kind is None:  # headings, buttons, texts, 64-bit values
            return
        has_menu = kind in {ControlKind.MENU, ControlKind.NUMBER_MENU}
        yield Control(
            one,
            _plain_name(text),
            kind,
            low,
            high,
            max(step, 1),
            default,
            None if flags & ControlFlag.WRITE_ONLY else self._value(one),
            tuple(self._entries(one, low, high, kind)) if has_menu else (),
            ControlFlag(flags & sum(ControlFlag)),
        )

    def _entries(self, one: int, low: int, high: int, kind: ControlKind) -> Iterator[tuple[int, str]]:
        """Yield the menu's entries; a number that the driver does not know has none."""
        for number in range(low, min(high, low + _MAX_ENTRIES) + 1):
            buffer = bytearray(_MENU.pack(one, number, b""))
            try:
                self._call(QUERYMENU, buffer)
            except OSError:
                continue
            text = _MENU.unpack(buffer)[2]
            if kind is ControlKind.NUMBER_MENU:
                yield number, str(int.from_bytes(text[:8], "little" if _IS_LITTLE else "big", signed=True))
            else:
                yield number, text.partition(b"\0")[0].decode("utf-8", "replace")

    def _query(self, one: int) -> tuple[int, int, bytes, int, int, int, int, int] | None:
        buffer = bytearray(_QUERY.pack(one, 0, b"", 0, 0, 0, 0, 0))
        try:
            self._call(QUERYCTRL, buffer)
        except OSError as err:
            if err.errno not in _NO_SUCH:
                self.answered = False
            return None
        return _QUERY.unpack(buffer)

    def _value(self, one: int) -> float | None:
        buffer = bytearray(_CONTROL.pack(one, 0))
        try:
            self._call(G_CTRL, buffer)
        except OSError:
            return None
        return float(_CONTROL.unpack(buffer)[1])

    def _call(self, request: int, buffer: bytearray) -> None:
        self._ioctl(self._descriptor, request, buffer)


_IS_LITTLE = struct.pack("=H", 1) == struct.pack("<H", 1)


def _plain_name(text: bytes) -> str:
    """Return a driver's name as ``v4l2-ctl`` does: "Exposure Time, Absolute" is exposure_time_absolute."""
    words = text.partition(b"\0")[0].decode("utf-8", "replace").lower()
    return "_".join("".join(character if character.isalnum() else " " for character in words).split())
