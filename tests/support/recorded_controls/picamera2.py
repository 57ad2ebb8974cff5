"""A stand-in for the library picamera2, made of a recorded ``camera_controls`` and one frame's metadata.

Tests put this folder on the module path, so that the backend finds it where the library would be.
``RECORDED_CAMERA`` names the list.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

_INTERVAL_S = 0.02


class Picamera2:
    """What the node uses of ``picamera2.Picamera2``."""

    def __init__(self, number: int) -> None:
        name = os.environ.get("RECORDED_CAMERA", "imx708")
        recorded = json.loads((Path(__file__).parent / f"{name}.json").read_text())
        if number:
            raise IndexError("list index out of range")
        self.camera_controls: dict[str, Any] = {
            key: tuple(limits) for key, limits in recorded["camera_controls"].items()
        }
        self.metadata: dict[str, Any] = recorded["metadata"]
        self.written: list[dict[str, Any]] = []

    @staticmethod
    def global_camera_info() -> list[dict[str, str]]:
        """Return the cameras that are plugged in."""
        return [{"Model": os.environ.get("RECORDED_CAMERA", "imx708")}]

    def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
        """Return a configuration."""
        return wanted

    def configure(self, wanted: dict[str, Any]) -> None:
        """Take the size of the frames."""
        width, height = wanted["main"]["size"]
        self._pixels = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)

    def start(self) -> None:
        """Begin to stream."""

    def set_controls(self, wanted: dict[str, Any]) -> None:
        """Take values; as the library, refuse names that the camera does not advertise."""
        for name, value in wanted.items():
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
            if name in self.metadata:
                self.metadata[name] = value
        self.written.append(wanted)

    def capture_array(self, _stream: str, *, wait: float) -> Any:
        """Return a new frame."""
        assert wait > 0
        time.sleep(_INTERVAL_S)
        self._pixels[0, 0] += 1
        return self._pixels.copy()

    def capture_metadata(self, *, wait: float) -> dict[str, Any]:
        """Return what is told of a frame."""
        assert wait > 0
        return dict(self.metadata)

    def close(self) -> None:
        """Release the camera."""
