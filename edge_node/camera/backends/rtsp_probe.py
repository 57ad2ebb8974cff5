"""Ask an RTSP camera by hand why FFmpeg could not open its stream: FFmpeg does not pass the answer on.

Source: RFC 2326 (RTSP), RFC 4566 (SDP).
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from edge_node.camera.backends.challenge import Challenge, Login, choose_challenge
from edge_node.camera.backends.network_cause import (
    UNKNOWN_LOGIN,
    connection_cause,
    ffmpeg_login_cause,
    status_cause,
)

if TYPE_CHECKING:
    from typing import BinaryIO
    from urllib.parse import SplitResult

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
_UNSUPPORTED_TRANSPORT = 461
_MAX_LINE_BYTES, _MAX_HEADERS, _MAX_BODY_BYTES = 8192, 64, 256 * 1024
_TRANSPORTS = {
    "tcp": "RTP/AVP/TCP;unicast;interleaved=0-1",
    "udp": "RTP/AVP;unicast;client_port=50000-50001",
}
_OTHER_TRANSPORT = {"tcp": "udp", "udp": "tcp"}
# With these a camera refuses this viewer, or all; with any other status of SETUP perhaps the transport alone.
_NO_MATTER_OF_TRANSPORT = {401, 403, 404, 453, 503}
_STATUS = re.compile(r"[1-9][0-9]{2}")
_LENGTH = re.compile(r"[0-9]{1,9}")


class _NotRtspError(Exception):
    """The answer is of another protocol."""


class _Response(NamedTuple):
    code: int
    headers: list[tuple[str, str]]
    body: str

    def all(self, name: str) -> list[str]:
        """Return the values of a header."""
        return [value for key, value in self.headers if key == name]


def rtsp_cause(address: str, transport: str, timeout_s: float) -> str | None:
    """Return why the stream cannot be opened, in a sentence; None if the camera agrees to everything.

    Args:
        address: the URL, with its login.
        transport: "tcp" or "udp", as FFmpeg asked for.
        timeout_s: for the whole conversation.
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    is_connected = False
    try:
        with _connect(parts, host, port, timeout_s) as connection:
            is_connected = True
            return _ask(_Conversation(connection, parts, timeout_s), transport)
    except _NotRtspError:
        return connection_cause(ValueError(), host, port, "RTSP")
    except TimeoutError as err:
        if is_connected:
            return (
                f"port {port} of {host} takes the connection and does not answer: is the port right, has the"
                " camera too many viewers, does it want a restart?"
            )
        return connection_cause(err, host, port, "RTSP")
    except OSError as err:
        return connection_cause(err, host, port, "RTSP")


def _ask(conversation: _Conversation, transport: str) -> str | None:
    described = conversation.request("DESCRIBE", conversation.url, ["Accept: application/sdp"])
    if described.code != HTTPStatus.OK:
        return conversation.cause(described.code)
    track = _video_track(described, conversation.url)
    if track is None:
        return "the stream at this address has no video: check the path"
    setup = conversation.set_up(track, transport)
    if not _agrees(setup, transport):
        return _transport_cause(conversation, track, transport, setup)
    session = [f"Session: {value.partition(';')[0]}" for value in setup.all("session")[:1]]
    with suppress(OSError, _NotRtspError):  # pictures may come before the answer
        played = conversation.request("PLAY", conversation.url, session)
        if played.code != HTTPStatus.OK:
            return conversation.cause(played.code)
        conversation.request("TEARDOWN", conversation.url, session)  # a camera has few sessions
    return ffmpeg_login_cause(conversation.challenge)


def _transport_cause(conversation: _Conversation, track: str, transport: str, setup: _Response) -> str:
    """Return why SETUP failed: whether the camera would agree to the other transport tells."""
    if setup.code in _NO_MATTER_OF_TRANSPORT:
        return conversation.cause(setup.code)
    other, is_other = _OTHER_TRANSPORT[transport], False
    if setup.code != _UNSUPPORTED_TRANSPORT:
        with suppress(OSError, _NotRtspError):
            is_other = _agrees(conversation.set_up(track, other), other)
    if setup.code not in {HTTPStatus.OK, _UNSUPPORTED_TRANSPORT} and not is_other:
        return conversation.cause(setup.code)
    code = "" if setup.code == HTTPStatus.OK else f" ({setup.code})"
    return (
        f"the camera does not send over {transport.upper()}{code}:"
        f' set [camera] rtsp_transport = "{other}", or switch {transport.upper()} on in the camera'
    )


def _agrees(setup: _Response, transport: str) -> bool:
    """Tell whether a camera agreed to the transport that was asked for, and not to another of its choice."""
    agreed = next(iter(setup.all("transport")), _TRANSPORTS[transport]).lower()
    is_tcp = "/tcp" in agreed or "interleaved" in agreed
    return setup.code == HTTPStatus.OK and "multicast" not in agreed and is_tcp == (transport == "tcp")


class _Conversation:
    """Requests and responses over one connection, with the login where the camera asks for one."""

    def __init__(self, connection: socket.socket, parts: SplitResult, timeout_s: float) -> None:
        self._connection = connection
        self._file: BinaryIO = connection.makefile("rb")
        self._deadline_s = time.monotonic() + timeout_s
        self._sequence = 0
        self.challenge: Challenge | None = None
        self._answered = 0
        netloc = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit(parts._replace(netloc=netloc, fragment=""))
        self.login = Login(unquote(parts.username), unquote(parts.password or "")) if parts.username else None

    def cause(self, code: int) -> str:
        """Return what an answer with an error code means."""
        if code == HTTPStatus.UNAUTHORIZED and self.login is not None and self.challenge is None:
            return UNKNOWN_LOGIN
        return status_cause(code, has_login=self.login is not None, protocol="RTSP")

    def set_up(self, track: str, transport: str) -> _Response:
        """Return the response to the request to send a track over a transport."""
        return self.request("SETUP", track, [f"Transport: {_TRANSPORTS[transport]}"])

    def request(self, method: str, url: str, headers: list[str]) -> _Response:
        """Return the response to a request; log in once if it asks for that."""
        response = self._send(method, url, headers)
        if response.code == HTTPStatus.UNAUTHORIZED and self.login is not None:
            challenge = choose_challenge(response.all("www-authenticate"))
            if challenge is not None:
                self.challenge, self._answered = challenge, 0
                response = self._send(method, url, headers)
        return response

    def _send(self, method: str, url: str, headers: list[str]) -> _Response:
        self._sequence += 1
        lines = [
            f"{method} {url} RTSP/1.0",
            f"CSeq: {self._sequence}",
            "User-Agent: corrosion-edge",
            *headers,
        ]
        if self.challenge is not None and self.login is not None:
            self._answered += 1
            answer = self.challenge.answer(self.login, method, url, self._answered)
            lines.append(f"Authorization: {answer}")
        self._connection.settimeout(self._left_s())
        self._connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self._receive()

    def _receive(self) -> _Response:
        protocol, _, rest = self._line().partition(" ")
        code = rest.partition(" ")[0]
        if not protocol.startswith("RTSP/") or not _STATUS.fullmatch(code):
            raise _NotRtspError
        headers: list[tuple[str, str]] = []
        while line := self._line():
            name, _, value = line.partition(":")
            headers.append((name.strip().lower(), value.strip()))
            if len(headers) > _MAX_HEADERS:
                raise _NotRtspError
        length = next((value for name, value in headers if name == "content-length"), "0")
        size = int(length) if _LENGTH.fullmatch(length) else 0
        body = self._file.read(min(size, _MAX_BODY_BYTES)) if size else b""
        return _Response(int(code), headers, body.decode("utf-8", "replace"))

    def _line(self) -> str:
        self._connection.settimeout(self._left_s())
        line = self._file.readline(_MAX_LINE_BYTES)
        if not line:
            raise ConnectionResetError
        return line.decode("utf-8", "replace").strip()

    def _left_s(self) -> float:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def _connect(parts: SplitResult, host: str, port: int, timeout_s: float) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=timeout_s)
    if parts.scheme != "rtsps":
        return connection
    # FFmpeg checks no certificate of a camera either; only the answer is wanted here.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(connection, server_hostname=host)
    except OSError:
        connection.close()
        raise


def _video_track(described: _Response, url: str) -> str | None:
    """Return the address of the first video track of a session description."""
    base = next(iter(described.all("content-base")), url)
    is_video = False
    for line in described.body.splitlines():
        if line.startswith("m="):
            if is_video:
                return base  # a video without an address of its own
            is_video = line.startswith("m=video")
        elif is_video and line.startswith("a=control:"):
            control = line.removeprefix("a=control:").strip()
            return control if "://" in control else f"{base.rstrip('/')}/{control}"
    return base if is_video else None
