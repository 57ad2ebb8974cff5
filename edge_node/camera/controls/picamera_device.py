"""Read and write the controls of a Raspberry Pi's CSI camera by picamera2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_node.camera.controls.picamera_settings import find_picamera_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from edge_node.camera.controls.control import ControlId, Setting, Value

_WHOLE = {"ExposureTime", "ColourTemperature", "AfMode"}
_SWITCHES = {"AwbEnable"}


class PicameraControls:
    """The controls of a camera that picamera2 has started; satisfies ``ControlDevice``."""

    answered = True

    def __init__(
        self,
        camera: Any,
        name: str,
        metadata: Callable[[], Mapping[str, Any]],
        *,
        frame_interval_us: float | None = None,
    ) -> None:
        """Use ``camera``, a ``Picamera2``; ``metadata`` waits for a frame and returns what is told of it."""
        self.name = name
        self.frame_interval_us = frame_interval_us
        self._camera = camera
        self._metadata = metadata

    def settings(self) -> dict[str, Setting]:
        """Return what the camera offers for each key of ``[camera]``, with the values of its newest frame."""
        return find_picamera_settings(self._camera.camera_controls, self._metadata())

    def read(self, ids: Iterable[ControlId]) -> dict[ControlId, Value]:
        """Return the values of the newest frame; what no frame tells is missing."""
        told = self._metadata()
        found: dict[ControlId, Value] = {}
        for name in ids:
            value = told.get(str(name))
            if isinstance(value, tuple | list) and len(value) == 2:
                found[name] = (float(value[0]), float(value[1]))
            elif isinstance(value, bool | int | float):
                found[name] = float(value)
        return found

    def write(self, values: Mapping[ControlId, Value]) -> tuple[str, ...]:
        """Write the values together, and return why that failed."""
        wanted = {str(name): _for_libcamera(str(name), value) for name, value in values.items()}
        try:
            self._camera.set_controls(wanted)
        except (RuntimeError, ValueError, TypeError, OSError) as err:
            return (f"{', '.join(wanted)} cannot be set ({err})",)
        return ()


def _for_libcamera(name: str, value: Value) -> Any:
    if isinstance(value, tuple):
        return value
    if name in _SWITCHES:
        return bool(value)
    return round(value) if name in _WHOLE else value
