"""Describe the controls that a camera offers, and the protocol by which they are read and written."""

from __future__ import annotations

from enum import Enum, IntFlag
from typing import TYPE_CHECKING, Protocol

from edge_node.errors import CameraError
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# In the control's own counts; a pair where one control holds red and blue.
Value = float | tuple[float, float]
ControlId = int | str  # of V4L2; a name of picamera2


class ControlRefusedError(CameraError):
    """The camera answered that it offers no such control or value: trying again will not help."""


class ControlKind(str, Enum):
    """How the value of a control is chosen."""

    INTEGER = "int"
    NUMBER = "number"
    SWITCH = "switch"  # 0 or 1
    MENU = "menu"  # one of the named entries
    NUMBER_MENU = "number-menu"  # one of the entries, which are whole numbers


class ControlFlag(IntFlag):
    """What a driver says of a control; the bits of V4L2."""

    DISABLED = 0x01  # not there for this camera
    GRABBED = 0x02  # another program holds it
    READ_ONLY = 0x04
    INACTIVE = 0x10  # without effect while an automatic is on
    WRITE_ONLY = 0x40
    VOLATILE = 0x80  # the camera moves it


NO_FLAGS = ControlFlag(0)


class Control(PlainStruct, frozen=True):
    """One control, as the camera describes it.

    Attributes:
        id: by which it is read and written.
        name: as ``v4l2-ctl`` or picamera2 calls it.
        kind: how its value is chosen.
        minimum: smallest value.
        maximum: largest value; infinite where the camera does not tell.
        step: between two values; 0 where any can be written.
        tolerance: what a value that is read may differ by from the one that was written.
        default: of the driver; None where it tells none.
        value: now, None if it cannot be read.
        menu: number and text of each entry; numbers may be missing between them.
        flags: of the driver.
    """

    id: ControlId
    name: str
    kind: ControlKind = ControlKind.INTEGER
    minimum: float = 0
    maximum: float = 1
    step: float = 1
    default: float | None = None
    value: Value | None = None
    menu: tuple[tuple[int, str], ...] = ()
    flags: ControlFlag = NO_FLAGS
    tolerance: float = 0

    @property
    def entries(self) -> frozenset[int]:
        """Return the numbers of the menu's entries."""
        return frozenset(number for number, _ in self.menu)


class ControlDevice(Protocol):
    """A camera whose controls can be read and written; used by one thread alone.

    Attributes:
        name: what may be shown of ``[camera] source``.
        frame_interval_us: the longest time between two frames that it was asked for; None if not known.
        answered: it told of all its controls when it was asked last; else one that is missing may be there.
    """

    name: str
    answered: bool
    frame_interval_us: float | None

    def settings(self) -> dict[str, Setting]:
        """Return what the camera offers for each key of ``[camera]``, with present values and flags."""

    def read(self, ids: Iterable[ControlId]) -> dict[ControlId, Value]:
        """Return the present values; those that cannot be read are missing."""

    def write(self, values: Mapping[ControlId, Value]) -> tuple[str, ...]:
        """Write the values in their order, and return a sentence for each that failed."""


class Way(PlainStruct, frozen=True):
    """The controls by which a setting takes a number, or a pair of red and blue.

    Attributes:
        controls: one, or one each for red and blue.
        unit: of the numbers of the configuration: "us", "K", "x", "dpt"; empty for the camera's own counts.
        per_unit: the control's counts for one unit.
        refusal: why it takes no number of the configuration; empty if it does.
    """

    controls: tuple[Control, ...]
    unit: str = ""
    per_unit: float = 1.0
    refusal: str = ""

    @property
    def width(self) -> int:
        """Return how many numbers it takes: 1, or 2 for red and blue."""
        is_pair = len(self.controls) == 2 or self.controls[0].name == "ColourGains"
        return 2 if is_pair else 1


class Setting(PlainStruct, frozen=True):
    """What a camera offers for one key of ``[camera]``.

    Attributes:
        key: of ``[camera]``.
        ways: by which numbers are set, first the one whose values are kept by "lock".
        switch: the control that turns the automatic on and off; None if there is none.
        automatic: its value for "on"; None if the camera has no automatic.
        manual: its value for "off"; None if the automatic cannot be turned off.
        follows: the key whose automatic moves this setting too; empty if it has its own.
        starts_automatic: it is automatic from each opening on, also where no switch tells.
        steady: controls to write before a number or a lock, such as one that would lower the frame rate.
    """

    key: str
    ways: tuple[Way, ...] = ()
    switch: Control | None = None
    automatic: int | None = None
    manual: int | None = None
    follows: str = ""
    starts_automatic: bool = False
    steady: tuple[tuple[Control, int], ...] = ()

    @property
    def is_automatic(self) -> bool:
        """Return whether its automatic is on now."""
        if self.switch is None or self.switch.value is None:
            return self.starts_automatic
        return self.switch.value != self.manual

    @property
    def hides_automatic(self) -> bool:
        """Return whether the driver hides what its automatic finds, and jumps when that is turned off.

        Drivers that do mark the value as inactive or volatile while the automatic is on.
        """
        if self.switch is None or not self.is_automatic or not self.ways:
            return False
        told = ControlFlag.INACTIVE | ControlFlag.VOLATILE
        return not any(control.flags & told for control in self.ways[0].controls)
