"""Read V4L2 devices and network streams through OpenCV."""

from __future__ import annotations

import logging
import os
import re
import stat
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.backends.ffmpeg import open_with_ffmpeg
from edge_node.camera.backends.rtsp_probe import rtsp_cause
from edge_node.camera.controls.v4l2_device import V4l2Controls
from edge_node.camera.controls.wishes import read_wishes
from edge_node.camera.frame import Frame
from edge_node.camera.full_scale import scale_to_eight_bits
from edge_node.camera.source import Source, SourceKind
from edge_node.errors import CameraError

if TYPE_CHECKING:
    import threading

    from numpy.typing import NDArray

    from edge_node.config.sections import CameraConfig

# A frame that arrives in less than this was waiting in a buffer: at 240 Hz one comes every 4.2 ms.
_BUFFERED_MS = 2.0
_MAX_DRAINED_FRAMES = 120  # frames; four seconds of a stream at 30 fps
_MAX_DRAIN_S = 2.0
# The kernel stamps V4L2 frames on the monotonic clock; a stamp older than this is on another clock.
_CREDIBLE_STAMP_AGE_S = 10.0
_MIN_PROBE_S = 0.5  # for asking why a stream failed, also where opening took all the time
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,40}")

_log = logging.getLogger(__name__)


class OpenCvCamera:
    """Read a V4L2 device or a network stream; satisfies ``Camera``.

    Before the first frame of a stream those are discarded that server and FFmpeg had buffered, so that no old
    frame counts as new.

    Attributes:
        controls: of a device, if the configuration names one; else None.
    """

    live = True

    def __init__(
        self,
        source: Source,
        config: CameraConfig,
        *,
        stop: threading.Event,
        first_frame_id: int = 0,
        content: str = "",
    ) -> None:
        """Open the camera; ``content`` is what a web server called its stream.

        Raises:
            CameraError: it does not exist, or gives no video.
        """
        self.source = source.name
        self._source = source
        self._config = config
        self._stop = stop
        self._next_frame_id = first_frame_id
        self._is_device = source.kind is SourceKind.DEVICE
        self._begins = not self._is_device
        self.controls: V4l2Controls | None = None
        if self._is_device:
            self._capture = _open_device(source.address, config)
            self.controls = self._open_controls()
        else:
            self._capture = _open_stream(source, config, content)

    def read(self) -> Frame | None:
        """Return the next frame, or None when stopped.

        Raises:
            CameraError: none came within the timeout, or the stream ended.
        """
        if not self._grab():
            return None
        try:
            ok, pixels = self._capture.retrieve()
        except cv2.error as err:
            raise CameraError(f"{self.source}: a frame cannot be decoded ({err.err})") from err
        if not ok or pixels is None or not pixels.size:
            raise CameraError(f"{self.source}: the camera stopped giving frames")
        return self._frame(to_three_channels(np.asarray(pixels), self.source))

    def skip(self) -> bool:
        """Grab the next frame without retrieving it; False when stopped.

        FFmpeg still decodes a stream whose frames depend on one another, but converts none to pixels.

        Raises:
            CameraError: none came within the timeout, or the stream ended.
        """
        if not self._grab():
            return False
        self._next_frame_id += 1
        return True

    def close(self) -> None:
        """Release the device or the connection."""
        if self.controls is not None:
            self.controls.close()
        self._capture.release()

    def _open_controls(self) -> V4l2Controls | None:
        """Open the device's controls if the configuration names one."""
        if not read_wishes(self._config):
            return None
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        try:
            return V4l2Controls(self._source.address, frame_interval_us=1e6 / fps if fps > 0 else None)
        except CameraError:
            self._capture.release()
            raise

    def _grab(self) -> bool:
        """Wait for the next frame; False when stopped."""
        if self._stop.is_set():
            return False
        if self._begins:
            self._begins = False
            self._drain()
        started_s = time.monotonic()
        try:
            arrived = self._capture.grab()
        except cv2.error as err:
            raise CameraError(f"{self.source}: a frame cannot be decoded ({err.err})") from err
        waited_ms = (time.monotonic() - started_s) * 1000
        # After a timeout FFmpeg decodes the part of the frame that it has.
        if waited_ms >= self._config.timeout_ms:
            raise CameraError(f"{self.source}: no frame for {waited_ms:.0f} ms")
        if not arrived:
            raise CameraError(f"{self.source}: the camera stopped giving frames")
        return True

    def _frame(self, pixels: NDArray[np.uint8]) -> Frame:
        now_ns, wall = time.monotonic_ns(), datetime.now(timezone.utc)
        stamp_ms = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) if self._is_device else 0.0
        captured_at_ns = choose_stamp_ns(stamp_ms, now_ns)
        frame = Frame(
            pixels,
            self._next_frame_id,
            captured_at_ns,
            wall - timedelta(microseconds=(now_ns - captured_at_ns) / 1000),
            self.source,
        )
        self._next_frame_id += 1
        return frame

    def _drain(self) -> None:
        """Discard buffered frames, which arrive faster than a camera can give them."""
        deadline_s = time.monotonic() + _MAX_DRAIN_S
        for count in range(_MAX_DRAINED_FRAMES):
            started_s = time.monotonic()
            arrived = self._capture.grab()
            ended_s = time.monotonic()
            is_late = (ended_s - started_s) * 1000 >= self._config.timeout_ms
            if not arrived and is_late and not count and _is_rtsp(self._source):
                # FFmpeg opens some streams by their description alone.
                raise CameraError(f"{self.source}: {_rtsp_cause(self._source, self._config, 0)}")
            if not arrived or self._stop.is_set():
                return  # read() raises the CameraError
            if (ended_s - started_s) * 1000 >= _BUFFERED_MS or ended_s >= deadline_s:
                return


def choose_stamp_ns(stamp_ms: float, now_ns: int) -> int:
    """Return the driver's capture time on the monotonic clock, or ``now_ns`` if it is on another clock.

    Args:
        stamp_ms: the driver's stamp; 0 or less where it gives none.
        now_ns: ``time.monotonic_ns()`` on arrival.
    """
    age_s = now_ns / 1e9 - stamp_ms / 1e3
    return int(stamp_ms * 1e6) if stamp_ms > 0 and 0 <= age_s <= _CREDIBLE_STAMP_AGE_S else now_ns


def to_three_channels(pixels: NDArray[np.uint8 | np.uint16], where: str) -> NDArray[np.uint8]:
    """Return uint8 ``(height, width, 3)`` also for cameras with grey frames or 16 bits.

    Of 16 bits the upper byte counts. A camera that fills fewer gives a dark frame, whose reason says so.

    Raises:
        CameraError: values of another type, whose full scale is not known; the text begins with ``where``.
    """
    if pixels.dtype == np.uint16:
        pixels = scale_to_eight_bits(pixels, 0xFFFF)
    if pixels.dtype != np.uint8:
        raise CameraError(f"{where}: frames of {pixels.dtype} values, which have no known full scale")
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        return np.asarray(pixels, dtype=np.uint8)
    has_alpha = pixels.ndim == 3 and pixels.shape[2] == 4
    return np.asarray(
        cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR if has_alpha else cv2.COLOR_GRAY2BGR), dtype=np.uint8
    )


def _open_stream(source: Source, config: CameraConfig, content: str) -> cv2.VideoCapture:
    """Open a network stream, or ask the camera why it cannot be opened."""
    started_s = time.monotonic()
    try:
        return open_with_ffmpeg(
            source.address,
            source.name,
            timeout_ms=config.timeout_ms,
            rtsp_transport=config.rtsp_transport,
        )
    except CameraError as err:
        if _is_rtsp(source):
            left_s = config.timeout_ms / 1000 - (time.monotonic() - started_s)
            raise CameraError(f"{source.name}: {_rtsp_cause(source, config, left_s)}") from None
        kind = f" in what the camera sends ({content})" if _MEDIA_TYPE.fullmatch(content) else ""
        raise CameraError(f"{err}{kind}") from None


def _is_rtsp(source: Source) -> bool:
    return source.address.lower().startswith("rtsp")


def _rtsp_cause(source: Source, config: CameraConfig, left_s: float) -> str:
    cause = rtsp_cause(source.address, config.rtsp_transport, max(left_s, _MIN_PROBE_S))
    if cause is not None:
        return cause
    if left_s > _MIN_PROBE_S:
        return "agrees to send, but nothing that FFmpeg can decode: H.264 and MJPEG can be"
    is_udp = config.rtsp_transport == "udp"
    hint = "does a firewall stop UDP?" if is_udp else "set its I-frame interval below that"
    return f"agrees to send, but no video comes within {config.timeout_ms} ms: {hint}"


def _open_device(path: str, config: CameraConfig) -> cv2.VideoCapture:
    try:
        mode = Path(path).stat().st_mode
    except OSError as err:
        raise CameraError(f"camera {path}: no such device; `edge-node cameras` lists what is there") from err
    if not stat.S_ISCHR(mode):
        raise CameraError(f"camera {path}: not a device; `edge-node cameras` lists what is there")
    if not os.access(path, os.R_OK | os.W_OK):
        raise CameraError(f"camera {path}: permission denied; the node's user must be in the group video")
    wanted = [cv2.CAP_PROP_BUFFERSIZE, 1]  # only the driver's queue cannot be drained
    if config.format:
        wanted += [cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*config.format)]
    if config.width_px and config.height_px:
        wanted += [cv2.CAP_PROP_FRAME_WIDTH, config.width_px, cv2.CAP_PROP_FRAME_HEIGHT, config.height_px]
    capture = cv2.VideoCapture(path, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise CameraError(f"camera {path}: cannot be opened; is another program using it?")
    for setting, value in zip(wanted[::2], wanted[1::2], strict=True):
        capture.set(setting, value)
    if config.fps:
        capture.set(cv2.CAP_PROP_FPS, config.fps)
    _log.info("camera %s: %s", path, _describe_settings(capture, config))
    return capture


def _describe_settings(capture: cv2.VideoCapture, config: CameraConfig) -> str:
    """Return the camera's actual size, rate and format, and the requested values where they differ."""
    width, height, fps, code = (
        capture.get(setting)
        for setting in (
            cv2.CAP_PROP_FRAME_WIDTH,
            cv2.CAP_PROP_FRAME_HEIGHT,
            cv2.CAP_PROP_FPS,
            cv2.CAP_PROP_FOURCC,
        )
    )
    fourcc = int(code).to_bytes(4, "little").decode("ascii", "replace")
    asked = {"width": config.width_px, "height": config.height_px, "fps": config.fps, "format": config.format}
    found = {"width": int(width), "height": int(height), "fps": fps, "format": fourcc}
    refused = [
        f"{key} {value} was asked for" for key, value in asked.items() if value and value != found[key]
    ]
    return f"{width:.0f} x {height:.0f} px, {fps:g} fps, {fourcc}" + (
        f" ({', '.join(refused)})" if refused else ""
    )
