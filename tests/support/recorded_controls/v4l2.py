"""A V4L2 device made of a recorded ``v4l2-ctl -L``, which answers ioctls byte for byte as the kernel does.

The structures are transcribed from linux/videodev2.h, independently of the code under test.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from edge_node.camera.controls.v4l2_device import V4l2Controls

FOLDER = Path(__file__).parent
# As <linux/videodev2.h> gives them, on 32 and on 64 bits.
QUERYCTRL, QUERYMENU, G_CTRL, S_CTRL = 0xC0445624, 0xC02C5625, 0xC008561B, 0xC008561C
NEXT = 0x80000000
TYPES = {"int": 1, "bool": 2, "menu": 3, "button": 4, "int64": 5, "intmenu": 9}
FLAGS = {"grabbed": 2, "read-only": 4, "update": 8, "inactive": 0x10, "slider": 0x20, "write-only": 0x40}
FLAGS |= {"volatile": 0x80, "execute-on-write": 0x200, "modify-layout": 0x400, "disabled": 1}
# Which control turns which inactive, and at which values, in uvcvideo and in the kernel's own clusters.
MASTERS = {
    0x009A0901: ((0x009A0902, 0x00980911), {0, 3}),
    0x0098090C: ((0x0098091A,), {1}),
    0x009A090C: ((0x009A090A,), {1}),
    0x00980912: ((0x00980913,), {1}),
}
_LINE = re.compile(r"\s*(\w+) 0x([0-9a-f]{8}) \((\w+)\)\s*: (.*)")
_ENTRY = re.compile(r"\s+(\d+): (.*?)(?: \(0x[0-9a-f]+\))?$")


class Query(ctypes.Structure):
    """struct v4l2_queryctrl."""

    _fields_ = (
        ("id", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("name", ctypes.c_char * 32),
        ("minimum", ctypes.c_int32),
        ("maximum", ctypes.c_int32),
        ("step", ctypes.c_int32),
        ("default_value", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 2),
    )


class MenuText(ctypes.Union):
    """The name or the number of a menu's entry."""

    _pack_ = 1
    _fields_ = (("name", ctypes.c_char * 32), ("value", ctypes.c_int64))


class Menu(ctypes.Structure):
    """struct v4l2_querymenu, packed."""

    _pack_ = 1
    _fields_ = (
        ("id", ctypes.c_uint32),
        ("index", ctypes.c_uint32),
        ("text", MenuText),
        ("reserved", ctypes.c_uint32),
    )


class Single(ctypes.Structure):
    """struct v4l2_control."""

    _fields_ = (("id", ctypes.c_uint32), ("value", ctypes.c_int32))


@dataclass
class Recorded:
    """One line of the list, and its menu."""

    id: int
    name: str
    kind: str
    low: int
    high: int
    step: int
    default: int
    value: int
    flags: int
    menu: dict[int, str] = field(default_factory=dict)


class RecordedKernel:
    """Answer ioctls from a list.

    Attributes:
        controls: by id.
        written: id and value of every write, in order.
        drift: by id, what the camera's automatic makes of a value at each reading while it is on.
        errors: by id, the errno of every access.
    """

    def __init__(self, name: str, *, couples: bool = True) -> None:
        """Read the list; ``couples``: automatics make the values that they move inactive."""
        self.controls = parse((FOLDER / f"{name}.txt").read_text())
        self.written: list[tuple[int, int]] = []
        self.drift: dict[int, int] = {}
        self.errors: dict[int, int] = {}
        self._couples = couples

    def device(self, **options) -> V4l2Controls:
        """Return the node's own access to this kernel."""
        return V4l2Controls(os.devnull, ioctl=self, **options)

    def named(self, name: str) -> Recorded:
        """Return a control by its name in the list."""
        return next(one for one in self.controls.values() if one.name == name)

    def __call__(self, _descriptor: int, request: int, buffer: bytearray) -> int:
        """Answer as ``ioctl(2)`` does."""
        handlers = {
            QUERYCTRL: (Query, self._query),
            QUERYMENU: (Menu, self._menu),
            G_CTRL: (Single, self._get),
            S_CTRL: (Single, self._set),
        }
        if request not in handlers:
            raise OSError(errno.ENOTTY, "no such ioctl")
        structure, handler = handlers[request]
        assert len(buffer) == ctypes.sizeof(structure)
        handler(structure.from_buffer(buffer))
        return 0

    def _query(self, query: Query) -> None:
        wanted = query.id & ~NEXT
        ids = sorted(one for one in self.controls if one > wanted) if query.id & NEXT else [wanted]
        if not ids or ids[0] not in self.controls:
            raise OSError(errno.EINVAL, "no such control")
        self._fail(ids[0])
        one = self.controls[ids[0]]
        title = one.name.replace("_", " ").title().replace("Time Absolute", "Time, Absolute")
        query.id, query.type, query.name = one.id, TYPES[one.kind], title.encode()
        query.minimum, query.maximum, query.step = one.low, one.high, one.step
        query.default_value, query.flags = one.default, one.flags

    def _menu(self, menu: Menu) -> None:
        one = self.controls[menu.id]
        if menu.index not in one.menu:
            raise OSError(errno.EINVAL, "a hole in the menu")
        if one.kind == "intmenu":
            menu.text.value = int(one.menu[menu.index])
        else:
            menu.text.name = one.menu[menu.index].encode()

    def _get(self, single: Single) -> None:
        one = self._known(single.id)
        if one.flags & FLAGS["write-only"]:
            raise OSError(errno.EACCES, "write-only")
        if one.flags & FLAGS["inactive"] and one.id in self.drift:
            one.value = min(one.high, one.value + self.drift[one.id])
        single.value = one.value

    def _set(self, single: Single) -> None:
        one = self._known(single.id)
        if one.flags & FLAGS["read-only"]:
            raise OSError(errno.EACCES, "read-only")
        if one.flags & FLAGS["grabbed"]:
            raise OSError(errno.EBUSY, "grabbed")
        if not one.low <= single.value <= one.high or (one.menu and single.value not in one.menu):
            raise OSError(errno.ERANGE, "out of range")
        self.written.append((one.id, single.value))
        one.value = single.value
        slaves, automatic = MASTERS.get(one.id, ((), set()))
        for slave in slaves if self._couples else ():
            if slave in self.controls:
                flags = self.controls[slave].flags & ~FLAGS["inactive"]
                self.controls[slave].flags = flags | (FLAGS["inactive"] if one.value in automatic else 0)

    def _known(self, number: int) -> Recorded:
        self._fail(number)
        if number not in self.controls:
            raise OSError(errno.EINVAL, "no such control")
        return self.controls[number]

    def _fail(self, number: int) -> None:
        if number in self.errors:
            raise OSError(self.errors[number], os.strerror(self.errors[number]))


def parse(text: str) -> dict[int, Recorded]:
    """Return the controls of what ``v4l2-ctl --list-ctrls-menus`` printed."""
    found: dict[int, Recorded] = {}
    last = None
    for line in text.splitlines():
        if (match := _LINE.match(line)) is not None:
            name, number, kind, rest = match.groups()
            numbers = {key: int(value) for key, value in re.findall(r"(\w+)=(-?\d+)", rest)}
            flags = rest.partition("flags=")[2].split(", ") if "flags=" in rest else []
            is_wide = kind == "int64"  # the old query tells no limits of these
            last = Recorded(
                int(number, 16),
                name,
                kind,
                0 if is_wide else numbers.get("min", 0),
                0 if is_wide else numbers.get("max", 1),
                numbers.get("step", 1),
                0 if is_wide else numbers.get("default", 0),
                0 if is_wide else numbers.get("value", 0),
                sum(FLAGS[flag] for flag in flags),
            )
            found[last.id] = last
        elif last is not None and (entry := _ENTRY.match(line)) is not None:
            last.menu[int(entry[1])] = entry[2]
    return found
