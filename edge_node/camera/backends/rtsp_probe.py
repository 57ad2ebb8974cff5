"""Ask an RTSP camera by hand why FFmpeg could not open its stream: FFmpeg does not pass the answer on.

Source: RFC 2326 (RTSP), RFC 4566 (SDP).
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from edge_node.camera.backends.challenge import Challenge, Login, choose_challenge
from edge_node.camera.backends.network_cause import connection_cause, status_cause

if TYPE_CHECKING:
    from typing import BinaryIO
    from urllib.parse import SplitResult

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
_UNSUPPORTED_TRANSPORT = 461
_HASHES_OF_FFMPEG = {None, "MD5"}
_MAX_LINE_BYTES, _MAX_HEADERS, _MAX_BODY_BYTES = 8192, 64, 256 * 1024
_TRANSPORTS = {
    "tcp": "RTP/AVP/TCP;unicast;interleaved=0-1",
    "udp": "RTP/AVP;unicast;client_port=50000-50001",
}


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
    has_login = conversation.login is not None
    described = conversation.request("DESCRIBE", conversation.url, ["Accept: application/sdp"])
    if described.code != HTTPStatus.OK:
        return status_cause(described.code, has_login=has_login)
    track = _video_track(described, conversation.url)
    if track is None:
        return "the stream at this address has no video: check the path"
    setup = conversation.request("SETUP", track, [f"Transport: {_TRANSPORTS[transport]}"])
    if setup.code == _UNSUPPORTED_TRANSPORT:
        other = "udp" if transport == "tcp" else "tcp"
        return (
            f"the camera does not send over {transport.upper()} (461):"
            f' set [camera] rtsp_transport = "{other}", or switch {transport.upper()} on in the camera'
        )
    if setup.code != HTTPStatus.OK:
        return status_cause(setup.code, has_login=has_login)
    session = [f"Session: {value.partition(';')[0]}" for value in setup.all("session")[:1]]
    with suppress(OSError, _NotRtspError):  # only polite: a camera has few sessions
        conversation.request("TEARDOWN", conversation.url, session)
    if conversation.algorithm not in _HASHES_OF_FFMPEG:
        return (
            f"the camera asks for Digest with {conversation.algorithm}, which FFmpeg cannot answer:"
            " choose Digest with MD5 in its settings"
        )
    return None


class _Conversation:
    """Requests and responses over one connection, with the login where the camera asks for one."""

    def __init__(self, connection: socket.socket, parts: SplitResult, timeout_s: float) -> None:
        self._connection = connection
        self._file: BinaryIO = connection.makefile("rb")
        self._deadline_s = time.monotonic() + timeout_s
        self._sequence = 0
        self._challenge: Challenge | None = None
        self._answered = 0
        netloc = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit(parts._replace(netloc=netloc, fragment=""))
        self.login = Login(unquote(parts.username), unquote(parts.password or "")) if parts.username else None

    @property
    def algorithm(self) -> str | None:
        """The hash of the Digest that was asked for; None without one."""
        challenge = self._challenge
        return challenge.algorithm if challenge is not None and challenge.scheme == "digest" else None

    def request(self, method: str, url: str, headers: list[str]) -> _Response:
        """Return the response to a request; log in once if it asks for that."""
        response = self._send(method, url, headers)
        if response.code == HTTPStatus.UNAUTHORIZED and self.login is not None:
            challenge = choose_challenge(response.all("www-authenticate"))
            if challenge is not None:
                self._challenge, self._answered = challenge, 0
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
        if self._challenge is not None and self.login is not None:
            self._answered += 1
            answer = self._challenge.answer(self.login, method, url, self._answered)
            lines.append(f"Authorization: {answer}")
        self._connection.settimeout(self._left_s())
        self._connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self._receive()

    def _receive(self) -> _Response:
        protocol, _, rest = self._line().partition(" ")
        code = rest.partition(" ")[0]
        if not protocol.startswith("RTSP/") or not code.isdigit():
            raise _NotRtspError
        headers: list[tuple[str, str]] = []
        while line := self._line():
            name, _, value = line.partition(":")
            headers.append((name.strip().lower(), value.strip()))
            if len(headers) > _MAX_HEADERS:
                raise _NotRtspError
        length = next((value for name, value in headers if name == "content-length"), "0")
        size = int(length) if length.isdigit() else 0
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
