"""Open videos and network streams with OpenCV's FFmpeg, with limits on what FFmpeg may do."""

from __future__ import annotations

import os
import threading

import cv2

from edge_node.errors import CameraError

OPTIONS_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
# Protocols that a playlist or a redirect inside a source may use. Without these lists a stream could name
# files of the robot (file:, concat:) and get them shown.
_NETWORK_PROTOCOLS = "rtsp,rtsps,rtp,srtp,http,https,tcp,udp,tls,crypto,hls"
_FILE_PROTOCOLS = "file,crypto"
# Half a second of probing finds a stream's format; the frames of FFmpeg's default five seconds would all be
# queued and delivered late.
_NETWORK_OPTIONS = {
    "fflags": "nobuffer",
    "flags": "low_delay",
    "analyzeduration": "500000",
    "probesize": "500000",
}
# Each decoding thread needs its own frame buffers, and one is fast enough for a file. A time lapse in a
# transport stream shows its size only with the second picture; no more than 5 MB are searched for it.
_FILE_OPTIONS = {"threads": "1", "analyzeduration": "600000000"}
_MAX_PIXELS = 100_000_000  # a stream that claims more is damaged or hostile

# FFmpeg would write to the process's stderr, addresses with their passwords too; its failures become a
# CameraError instead. Whoever starts the node cannot switch that on by accident.
os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
os.environ.pop("OPENCV_FFMPEG_DEBUG", None)
_SILENT = 0
# OpenCV 5 moved the call; with tflite-runtime, whose numpy is older, a node stays on OpenCV 4.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(_SILENT)

# The variable belongs to the process; it is read while a capture is opened.
_opening = threading.Lock()

# OpenCV gives up a read after 4096 packets of sound: 90 s between two pictures of a time lapse.
os.environ.setdefault("OPENCV_FFMPEG_READ_ATTEMPTS", "1000000")


def open_with_ffmpeg(
    address: str,
    name: str,
    *,
    timeout_ms: int,
    rtsp_transport: str | None = None,
    skip_partial: bool = False,
) -> cv2.VideoCapture:
    """Open a capture of which every call ends within about ``timeout_ms``.

    Args:
        address: absolute path or URL.
        name: its name in messages, without a password.
        timeout_ms: for opening, and for each read.
        rtsp_transport: "tcp" or "udp" for network protocols (RTP over UDP loses packets and smears the
            picture); None confines FFmpeg to local files.
        skip_partial: leave out a picture of which the container has only a part, instead of completing it.

    Raises:
        CameraError: it cannot be opened.
    """
    if not _opening.acquire(timeout=timeout_ms / 1000):
        raise CameraError(f"{name}: an earlier attempt to open a stream still hangs")
    try:
        options = _options(rtsp_transport, skip_partial=skip_partial)
        capture = _open(address, name, timeout_ms, options)
    finally:
        _opening.release()
    if not capture.isOpened():
        capture.release()
        if rtsp_transport:
            raise CameraError(f"{name}: gives no video that FFmpeg can decode")
        raise CameraError(f"{name}: no video that FFmpeg can decode")
    return capture


def _open(address: str, name: str, timeout_ms: int, options: str) -> cv2.VideoCapture:
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
    previous = os.environ.get(OPTIONS_VARIABLE)
    os.environ[OPTIONS_VARIABLE] = options
    try:
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    except cv2.error as err:
        raise CameraError(f"{name}: cannot be opened by FFmpeg ({type(err).__name__})") from None
    finally:
        if previous is None:
            del os.environ[OPTIONS_VARIABLE]
        else:
            os.environ[OPTIONS_VARIABLE] = previous


def _options(rtsp_transport: str | None, *, skip_partial: bool) -> str:
    """Return the options of a stream, or with None those of a file."""
    options = {"max_pixels": str(_MAX_PIXELS)}
    options["protocol_whitelist"] = _NETWORK_PROTOCOLS if rtsp_transport else _FILE_PROTOCOLS
    options |= _NETWORK_OPTIONS | {"rtsp_transport": rtsp_transport} if rtsp_transport else _FILE_OPTIONS
    if skip_partial:
        options["fflags"] = "discardcorrupt"
    return "|".join(f"{key};{value}" for key, value in options.items())
