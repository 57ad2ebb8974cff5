"""Open any camera or recording by its configured source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge_node.camera.capture.login import sign_in
from edge_node.camera.source import SourceKind

if TYPE_CHECKING:
    import threading

    from edge_node.camera.frame import Frame
    from edge_node.config.sections import CameraConfig


class Camera(Protocol):
    """A source of frames; used by one thread alone.

    Attributes:
        source: the camera's name or the file: what may be shown of ``[camera] source``.
        live: False for recordings: they end, and at the pace ``fast`` they drop nothing.
    """

    source: str
    live: bool

    def read(self) -> Frame | None:
        """Return the next frame; blocks at most about ``timeout_ms``.

        Returns:
            None when a recording has ended, or when stopped.

        Raises:
            CameraError: the camera failed; reopening it may help.
        """

    def skip(self) -> bool:
        """Discard the next frame as cheaply as possible; its frame id is used up.

        Returns:
            False when a recording has ended, or when stopped.

        Raises:
            CameraError: as ``read``.
        """

    def close(self) -> None:
        """Release the device, the connection or the file."""


def open_camera(config: CameraConfig, *, stop: threading.Event, first_frame_id: int = 0) -> Camera:
    """Open the configured source.

    Args:
        config: source, pace, size, timeout.
        stop: once set, ``read`` returns None soon.
        first_frame_id: of the first frame; a reopened camera goes on counting.

    Raises:
        CameraError: an unknown scheme, a missing device or file, a folder without pictures, no answer.
    """
    source = sign_in(config)
    # Each backend is imported on demand: the libraries of the others cost time and memory.
    if source.kind is SourceKind.RECORDING:
        from edge_node.camera.backends.recording import Recording

        return Recording(config, stop=stop, first_frame_id=first_frame_id)
    if source.kind is SourceKind.GSTREAMER:
        from edge_node.camera.backends.gstreamer import GStreamerCamera

        return GStreamerCamera(source.address, source.name, config, stop=stop, first_frame_id=first_frame_id)
    if source.kind is SourceKind.CSI:
        from edge_node.camera.backends.csi import open_csi

        return open_csi(source, config, stop=stop, first_frame_id=first_frame_id)
    content = ""
    if source.kind is SourceKind.STREAM and source.address.lower().startswith("http"):
        from edge_node.camera.backends.http_camera import open_http_camera

        opened = open_http_camera(source, config, stop=stop, first_frame_id=first_frame_id)
        if not isinstance(opened, str):
            return opened
        content = opened
    from edge_node.camera.backends.opencv_camera import OpenCvCamera

    return OpenCvCamera(source, config, stop=stop, first_frame_id=first_frame_id, content=content)
