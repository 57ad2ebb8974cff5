"""Say in a sentence why a network camera cannot be reached or does not give its pictures, and what to do."""

from __future__ import annotations

import errno
import socket
import ssl
from contextlib import suppress
from datetime import datetime, timezone
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_node.camera.backends.challenge import Challenge

_NOT_YET_VALID, _EXPIRED, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 62, 64  # X509_V_ERR_... of OpenSSL
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_FIRST_OF_RTSP = 451  # from here to 499 the codes of RTSP mean something else than those of HTTP
_KEYS = "[camera] username and password_file"
UNKNOWN_LOGIN = (
    "the camera asks for a login that is neither Basic nor Digest (401): choose one of them in its settings"
)


def connection_cause(  # noqa: PLR0911  # one for each cause
    err: BaseException, host: str, port: int, protocol: str
) -> str:
    """Return why no connection came about, or why it broke before an answer.

    Never the error's own text, which may hold an address with a password.

    Args:
        err: what a socket, ``ssl`` or ``http.client`` raised.
        host: of the camera.
        port: of the camera.
        protocol: that was spoken: "HTTP" or "RTSP".
    """
    if isinstance(err, socket.gaierror):
        if err.errno == socket.EAI_AGAIN:
            return (
                f"the name {host} cannot be looked up now: is this robot's network up, does its DNS answer?"
            )
        return f"no host is called {host}: check the address, or this robot's DNS"
    if isinstance(err, ConnectionRefusedError):
        return (
            f"port {port} of {host} is closed (connection refused): is the port right, is the camera's"
            f" {protocol} switched on?"
        )
    if isinstance(err, TimeoutError):
        return f"{host} does not answer: is the camera on and in this network, is the address right?"
    if isinstance(err, ssl.SSLError):
        return _tls_cause(err, host, port, protocol)
    if isinstance(err, OSError) and err.errno in _UNREACHABLE:
        return f"there is no way to {host}: is the cable in, is this robot in the camera's network?"
    if isinstance(err, ConnectionError | HTTPException | ValueError):
        return (
            f"port {port} of {host} hangs up, or answers with something else than {protocol}:"
            f" is the port right, does it want {protocol.lower()}s://?"
        )
    return f"{host} cannot be reached ({type(err).__name__})"


def status_cause(code: int, *, has_login: bool, protocol: str = "HTTP") -> str:
    """Return what a camera's answer with an error code means; its own words are not repeated."""
    if code == HTTPStatus.UNAUTHORIZED:
        if has_login:
            return (
                f"the camera refuses the user name or the password (401): check {_KEYS}; after some failed"
                " tries cameras lock a user for a while"
            )
        return f"the camera asks for a user name and a password (401): give {_KEYS}"
    texts = {
        403: f"the camera forbids it (403): may this user see it, from this robot's address? See {_KEYS}",
        404: "the camera has nothing at this address (404): check the path, its manual or page names it",
        410: "the camera has nothing at this address any more (410): check the path",
        429: "the camera gets too many requests (429): set a smaller [camera] fps, close other viewers",
        453: "the camera has no bandwidth left (453): close other viewers, or take its smaller stream",
        503: "the camera is too busy (503): close other viewers, or restart it",
    }
    if code in texts:
        return texts[code]
    phrase = ""
    if protocol == "HTTP" or code < _FIRST_OF_RTSP or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        with suppress(ValueError):
            phrase = f" {HTTPStatus(code).phrase}"
    what = "moved the stream elsewhere" if 300 <= code < 400 else "cannot do it"
    return f"the camera says that it {what} ({code}{phrase}): check the path, and its settings"


def ffmpeg_login_cause(challenge: Challenge | None) -> str | None:
    """Return why FFmpeg cannot answer a camera's request for a login; None if it can."""
    if challenge is None or challenge.scheme != "digest" or challenge.algorithm == "MD5":
        return None
    return (
        f"the camera asks for Digest with {challenge.algorithm}, which FFmpeg cannot answer:"
        " choose Digest with MD5 in its settings"
    )


def _tls_cause(err: ssl.SSLError, host: str, port: int, protocol: str) -> str:
    if isinstance(err, ssl.SSLCertVerificationError):
        return _certificate_cause(err.verify_code, host)
    reason = getattr(err, "reason", None) or "no reason given"  # a name like UNSUPPORTED_PROTOCOL
    if any(word in reason for word in ("WRONG_VERSION", "RECORD_LAYER", "HTTP_REQUEST", "UNEXPECTED_EOF")):
        return f"port {port} of {host} speaks no TLS: use {protocol.lower()}:// or the port for TLS"
    return f"TLS with {host} fails ({reason}): is its firmware too old?"


def _certificate_cause(verify_code: int, host: str) -> str:
    if verify_code in {_NOT_YET_VALID, _EXPIRED}:
        what = "is not valid yet" if verify_code == _NOT_YET_VALID else "has expired"
        now = datetime.now(timezone.utc).isoformat(timespec="minutes")
        return f"the certificate of {host} {what} by this robot's clock: is {now} right?"
    if verify_code in {_WRONG_NAME, _WRONG_ADDRESS}:
        return f"the certificate is not for {host}: use the name that it is made for"
    return (
        f"the certificate of {host} is signed by nobody whom this robot trusts: put its CA into"
        " /usr/local/share/ca-certificates and run update-ca-certificates"
    )
