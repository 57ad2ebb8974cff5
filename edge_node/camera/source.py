"""Parse ``[camera] source`` into a kind of camera or recording and its address. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from edge_node.errors import CameraError

STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
WANTED = (
    "/dev/video0, rtsp://host/path, rtsps://..., http://..., https://..., csi:0, gst:PIPELINE,"
    " a video file or a folder of pictures"
)
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):")


class SourceKind(str, Enum):
    """The backends by which a source can be opened."""

    DEVICE = "device"  # a V4L2 device node
    STREAM = "stream"  # from the network, opened by FFmpeg
    CSI = "csi"  # a ribbon-cable camera: picamera2 on a Raspberry Pi, nvarguscamerasrc on a Jetson
    GSTREAMER = "gstreamer"  # the operator's own pipeline
    RECORDING = "recording"  # a video file, a picture or a folder of pictures: it ends


@dataclass(frozen=True, slots=True)
class Source:
    """A source that can be opened.

    Attributes:
        kind: the backend that opens it.
        address: device path, URL, camera number, pipeline or file path, for the backend.
        name: for logs and messages: as the operator wrote it, without its password.
    """

    kind: SourceKind
    address: str
    name: str

    @property
    def live(self) -> bool:
        """False for recordings: they end, and may be read at any pace."""
        return self.kind is not SourceKind.RECORDING


def parse_source(text: str) -> Source:
    """Return the source that ``text`` names; touches no hardware and no file.

    Schemes are an allow-list, so that no URL makes FFmpeg read local files or use other protocols.

    Raises:
        CameraError: it can never be a source.
    """
    if text.isdigit():
        return Source(SourceKind.DEVICE, f"/dev/video{text}", f"/dev/video{text}")
    if text.startswith("/dev/"):
        return Source(SourceKind.DEVICE, text, text)
    match = _SCHEME.match(text)
    if match is None:
        if not text.strip() or "\0" in text:
            raise CameraError(f"camera source {text!r}: wanted {WANTED}")
        return Source(SourceKind.RECORDING, text, text)
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme in STREAM_SCHEMES:
        return _parse_stream(text)
    if scheme == "csi":
        if not rest.isdigit():
            raise CameraError(f"camera source {text!r}: wanted csi: and the camera's number, like csi:0")
        return Source(SourceKind.CSI, rest, text)
    if scheme == "gst":
        if not rest.strip():
            raise CameraError(f"camera source {text!r}: wanted gst: and a pipeline, like gst:videotestsrc")
        return Source(SourceKind.GSTREAMER, rest.strip(), text)
    raise CameraError(
        f"camera source {hide_password(text)!r}: {scheme}: is no allowed scheme; wanted {WANTED}"
        " (write ./ before the name of a file with a colon)"
    )


def hide_password(url: str) -> str:
    """Return ``url`` with the password in its user part replaced by three asterisks."""
    return re.sub(r"(://[^/?#\s:@]*):[^/?#\s]*@", r"\1:***@", url)


def _parse_stream(text: str) -> Source:
    name = hide_password(text)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # reading the port parses it
    except ValueError as err:
        raise CameraError(f"camera source {name!r}: no URL: {err}") from err
    if not host or any(character.isspace() for character in text):
        raise CameraError(f"camera source {name!r}: wanted {parts.scheme}://HOST/PATH without spaces")
    return Source(SourceKind.STREAM, text, name)
