"""Report which of a camera's controls are in force, as the camera answered, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from edge_node.camera.controls.plan import Mode


class ControlInForce(PlainStruct, frozen=True):
    """One setting as the camera answered.

    Attributes:
        key: of ``[camera]``.
        mode: how it is held.
        values: read back, in ``unit``; two for red and blue; empty while automatic or where none can be read.
        unit: "us", "K", "x", "dpt", "ISO"; empty for the camera's own counts.
        fault: why it is not as configured; empty if it is.
    """

    key: str
    mode: Mode
    values: tuple[float, ...] = ()
    unit: str = ""
    fault: str = ""


class ControlReport(PlainStruct, frozen=True):
    """What is in force of all settings that are configured.

    Attributes:
        controls: by key, in the order of the configuration.
        notes: what the operator should know, though it is no fault.
        faults: what failed for the whole camera.
    """

    controls: tuple[ControlInForce, ...] = ()
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def problems(self) -> str:
        """Return every fault in one text; empty if all is as configured."""
        own = (f"{control.key}: {control.fault}" for control in self.controls if control.fault)
        return "; ".join([*own, *self.faults])
