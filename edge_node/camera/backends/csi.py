"""Read CSI cameras (on the ribbon cable): picamera2 on a Raspberry Pi, ``nvarguscamerasrc`` on a Jetson."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_node.camera.backends.gstreamer import DEFAULT_HEIGHT_PX, DEFAULT_WIDTH_PX, GStreamerCamera
from edge_node.camera.controls.picamera_device import PicameraControls
from edge_node.camera.frame import Frame, frame_now
from edge_node.camera.source import JETSON_RELEASE_FILE
from edge_node.errors import CameraError

if TYPE_CHECKING:
    import threading

    from edge_node.camera.source import Source
    from edge_node.config.sections import CameraConfig

_DEFAULT_FPS = 30.0  # of picamera2's video configuration


def open_csi(
    source: Source, config: CameraConfig, *, stop: threading.Event, first_frame_id: int = 0
) -> PiCamera | GStreamerCamera:
    """Open the CSI camera with picamera2, or on a Jetson with GStreamer.

    Raises:
        CameraError: neither is available, or there is no such camera.
    """
    if JETSON_RELEASE_FILE.exists():
        pipeline = jetson_pipeline(int(source.address), config)
        return GStreamerCamera(pipeline, source.name, config, stop=stop, first_frame_id=first_frame_id)
    if find_spec("picamera2") is not None:
        return PiCamera(source, config, stop=stop, first_frame_id=first_frame_id)
    raise CameraError(
        f"camera {source.name}: neither picamera2 nor a Jetson found; on a Raspberry Pi apt install"
        " python3-picamera2 and make the virtual environment with --system-site-packages"
    )


def jetson_pipeline(sensor: int, config: CameraConfig) -> str:
    """Return the pipeline that copies the sensor's frames out of the Jetson's NVMM memory."""
    rate = f",framerate={round(config.fps)}/1" if config.fps else ""
    return (
        f"nvarguscamerasrc sensor-id={sensor} ! video/x-raw(memory:NVMM){rate}"
        " ! nvvidconv ! video/x-raw,format=BGRx"
    )


class PiCamera:
    """Read a CSI camera of a Raspberry Pi with picamera2; satisfies ``Camera``.

    Attributes:
        controls: its exposure, gain, white balance and focus.
    """

    live = True

    def __init__(
        self, source: Source, config: CameraConfig, *, stop: threading.Event, first_frame_id: int = 0
    ) -> None:
        """Start the camera.

        Raises:
            CameraError: there is no such camera, or another program holds it.
        """
        self.source = source.name
        self._stop = stop
        self._timeout_ms = config.timeout_ms
        self._next_frame_id = first_frame_id
        size = (config.width_px or DEFAULT_WIDTH_PX, config.height_px or DEFAULT_HEIGHT_PX)
        controls = {"FrameRate": config.fps} if config.fps else {}
        self._camera: Any = None
        try:
            self._camera = import_module("picamera2").Picamera2(int(source.address))
            # libcamera's RGB888 lies in memory as blue, green, red.
            wanted = self._camera.create_video_configuration(
                main={"format": "RGB888", "size": size}, controls=controls, queue=False
            )
            self._camera.configure(wanted)
            self._camera.start()
        except (RuntimeError, IndexError, ImportError, OSError, ValueError) as err:
            self.close()
            raise CameraError(f"camera {source.name}: cannot be opened ({err})") from err
        self.controls = PicameraControls(
            self._camera,
            source.name,
            lambda: self._wait_for("capture_metadata"),
            frame_interval_us=1e6 / (config.fps or _DEFAULT_FPS),
        )

    def read(self) -> Frame | None:
        """Return the next frame, or None when stopped.

        Raises:
            CameraError: none came within the timeout, or the camera failed.
        """
        if self._stop.is_set():
            return None
        pixels = self._wait_for("capture_array", "main")
        frame = frame_now(np.ascontiguousarray(pixels, np.uint8), self._next_frame_id, self.source)
        self._next_frame_id += 1
        return frame

    def skip(self) -> bool:
        """Wait for the next frame without copying it; False when stopped.

        Raises:
            CameraError: none came within the timeout, or the camera failed.
        """
        if self._stop.is_set():
            return False
        self._wait_for("capture_metadata")
        self._next_frame_id += 1
        return True

    def _wait_for(self, call: str, *arguments: str) -> Any:
        try:
            return getattr(self._camera, call)(*arguments, wait=self._timeout_ms / 1000)
        except TimeoutError as err:
            raise CameraError(f"{self.source}: no frame for {self._timeout_ms} ms") from err
        except (RuntimeError, OSError) as err:
            raise CameraError(f"{self.source}: the camera failed ({err})") from err

    def close(self) -> None:
        """Stop the camera and release it."""
        if self._camera is not None:
            self._camera.close()
