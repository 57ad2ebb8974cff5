"""Parse ``[camera] source`` into a kind of camera or recording and its address."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, unquote, urlsplit

from msgspec.structs import replace

from edge_node.camera.source_name import name_of_pipeline, name_of_url
from edge_node.errors import CameraError
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from urllib.parse import SplitResult

STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
WANTED = (
    "/dev/video0, rtsp://host/path, rtsps://..., http://..., https://..., csi:0, gst:PIPELINE,"
    " a video file or a folder of pictures"
)
JETSON_RELEASE_FILE = Path("/etc/nv_tegra_release")  # every Jetson Linux image has it
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):")
# Schemes that people try. Only these are repeated in a message: in admin:secret@host the "scheme" is a name.
_REFUSED_SCHEME = re.compile("concat|data|exec|file|ftps?|mms|mqtts?|onvif|pipe|rtmps?|rtp|smb|srt|tcp|udp")
_HOST = re.compile(r"[\w.-]+")
_NUMBER = re.compile(r"[0-9]{1,3}")  # of a camera
# What was meant as an address but has no scheme: it may hold a password, so it is no path to show.
_LIKE_A_URL = re.compile(r"^(?!\.).*(://|^\s*//|[?&;].*=)", re.DOTALL)
_LIKE_A_LOGIN = re.compile(
    r":.*@|^[^/@]+@[\w-]+(\.[\w-]+)+[:/]|^[\w-]+(\.[\w-]+)+(:[0-9]+(/|$)|/.*=)", re.DOTALL
)
_ESCAPES = "in a user name or password write / as %2F, ? as %3F, # as %23, @ as %40, [ as %5B"


class SourceKind(str, Enum):
    """The backends by which a source can be opened."""

    DEVICE = "device"  # a V4L2 device node
    STREAM = "stream"  # from the network, opened by FFmpeg
    CSI = "csi"  # a ribbon-cable camera: picamera2 on a Raspberry Pi, nvarguscamerasrc on a Jetson
    GSTREAMER = "gstreamer"  # the operator's own pipeline
    RECORDING = "recording"  # a video file, a picture or a folder of pictures: it ends


class Source(PlainStruct, frozen=True):
    """A source that can be opened.

    Attributes:
        kind: the backend that opens it.
        address: device path, URL, camera number, pipeline or file path, for the backend; may hold a password.
        name: for logs and messages: scheme, host and the path's last part; never a password.
        has_login: the address names a user.
    """

    _unshown = frozenset({"address"})

    kind: SourceKind
    address: str
    name: str
    has_login: bool = False

    @property
    def live(self) -> bool:
        """False for recordings: they end, and may be read at any pace."""
        return self.kind is not SourceKind.RECORDING

    def with_login(self, username: str, password: str) -> Source:
        """Return this stream with a user name and password in its address."""
        netloc = urlsplit(self.address).netloc
        return replace(self, address=_put_login(self.address, netloc, username, password), has_login=True)


def parse_source(text: str) -> Source:
    """Return the source that ``text`` names; touches no hardware and no file.

    Schemes are an allow-list, so that no URL makes FFmpeg read local files or use other protocols. A text
    that cannot be parsed is never repeated in the error: nobody knows where in it a password stands.

    Raises:
        CameraError: it can never be a source.
    """
    if _NUMBER.fullmatch(text):
        return Source(SourceKind.DEVICE, f"/dev/video{text}", f"/dev/video{text}")
    if text.startswith("/dev/") and not _LIKE_A_URL.search(text):
        return Source(SourceKind.DEVICE, text, text)
    match = _SCHEME.match(text)
    if match is None:
        return _parse_path(text)
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme in STREAM_SCHEMES:
        return _parse_stream(text, scheme)
    if scheme == "csi":
        if not _NUMBER.fullmatch(rest):
            raise CameraError("camera source: wanted csi: and the camera's number, like csi:0")
        return Source(SourceKind.CSI, rest, text)
    if scheme == "gst":
        if not rest.strip():
            raise CameraError("camera source: wanted gst: and a pipeline, like gst:videotestsrc")
        pipeline = rest.strip()
        return Source(SourceKind.GSTREAMER, pipeline, name_of_pipeline(pipeline))
    what = f"{scheme}: is" if _REFUSED_SCHEME.fullmatch(scheme) else "what stands before its first colon is"
    raise CameraError(
        f"camera source: {what} no allowed scheme; wanted {WANTED}"
        " (write ./ before the name of a file with a colon)"
    )


def recording_path(text: str) -> Path:
    """Return the path of the file or folder ``text``; what is not there must at least be no camera.

    Raises:
        CameraError: it names a camera, or is an address, which is not shown.
    """
    path = Path(text)
    with suppress(OSError):  # a name that is too long for a file is not there
        if path.exists():
            return path
    if (source := parse_source(text)).live:
        raise CameraError(f"{source.name}: a camera; wanted a recording: a picture, a folder or a video")
    return path


def _parse_path(text: str) -> Source:
    if not text.strip() or "\0" in text:
        raise CameraError(f"camera source: names nothing; wanted {WANTED}")
    is_relative = not text.startswith(("/", "./", "../"))
    if _LIKE_A_URL.search(text) or (is_relative and _LIKE_A_LOGIN.search(text)):
        raise CameraError(
            "camera source: looks like an address without its scheme, and is not shown because it may hold a"
            f" password; wanted {WANTED} (write ./ before the name of a file with such characters)"
        )
    return Source(SourceKind.RECORDING, text, text)


def _parse_stream(text: str, scheme: str) -> Source:
    if any(character.isspace() or not character.isprintable() for character in text):
        _refuse(scheme, "holds a space or a character that cannot be seen")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port  # reading the port parses it
    except ValueError:
        _refuse(scheme, "cannot be read")
    if not host or not _is_host(host) or port == 0:
        _refuse(scheme, "names no host" if not host else "has a host or port that cannot be")
    if _holds_stray_at(parts, host):
        _refuse(scheme, "has an @ behind its host (one of the path is written %40)")
    user, has_login, _ = parts.netloc.rpartition("@")
    if has_login:  # escaped anew, for FFmpeg: a % alone is allowed here
        username, _, password = (unquote(part) for part in user.partition(":"))
        text = _put_login(text, parts.netloc, username, password)
    return Source(SourceKind.STREAM, text, name_of_url(parts), bool(has_login))


def _put_login(url: str, netloc: str, username: str, password: str) -> str:
    login = f"{quote(username, safe='')}:{quote(password, safe='')}"
    return url.replace(f"//{netloc}", f"//{login}@{netloc.rpartition('@')[2]}", 1)


def _refuse(scheme: str, why: str) -> NoReturn:
    raise CameraError(
        f"camera source: this {scheme}:// address {why}, and is not shown because it may hold a password;"
        f" wanted {scheme}://HOST[:PORT]/PATH; {_ESCAPES}, or give"
        " [camera] username and password_file instead"
    ) from None


def _is_host(host: str) -> bool:
    try:
        if ":" not in host:
            return _HOST.fullmatch(host) is not None and host.encode("idna") != b"."  # as sockets do
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _holds_stray_at(parts: SplitResult, host: str) -> bool:
    """Tell whether an @ behind the host may end a user part that has a / ? or # in it.

    ``rtsp://admin:77/secret@10.0.0.5/live`` parses as host "admin", port 77. A value of the query may have an
    @ where the host before it is unmistakable.
    """
    if "@" in parts.path or "@" in parts.fragment:
        return True
    if "@" not in parts.query:
        return False
    is_value = all("=" in pair.partition("@")[0] for pair in re.split("[&;]", parts.query) if "@" in pair)
    return not (
        is_value and parts.path.startswith("/") and ("." in host or ":" in host or host == "localhost")
    )
