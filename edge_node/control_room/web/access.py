"""Check host name, origin and login of every request, and add the security headers to every response.

On the loopback address no login is needed. Elsewhere people log in with a token and get a cookie that no
script and no other site can use. A request under a foreign host name is refused, so that another web page
cannot reach this one through the browser (DNS rebinding); so is a post from another origin.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import deque
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

from edge_node.control_room.requests.client import path_of
from edge_node.control_room.requests.request_origin import is_foreign_read
from edge_node.control_room.web.metrics_endpoint import MetricsToken
from edge_node.errors import ConfigError
from edge_node.monitoring.http_request import BadRequestError, host_name
from edge_node.text_file import TextFileError, read_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge_node.control_room.settings import WebConfig

COOKIE: Final = "corrosion_room"
MIN_TOKEN = 16
_TOKEN_WANTED = f"wanted one line of at least {MIN_TOKEN} characters; `openssl rand -hex 16` makes one"
_MAX_FAILURES, _FAILURES_WITHIN_S = 10, 60.0  # of one address
_MAX_ADDRESSES = 1000
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not "no-referrer": with it browsers post forms with the origin "null", which is refused here.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_OPEN_PATHS = {
    "/livez",
    "/readyz",
    "/healthz",
    "/login",
    "/page/login.css",
    "/page/theme.js",
    "/page/icon.svg",
}


class Logins:
    """Check the token, make cookies from it and verify them; stores none, so a restart logs nobody out."""

    def __init__(self, web: WebConfig, now_s: Callable[[], float] = time.time) -> None:
        """Read the token.

        Args:
            web: has the file of the token.
            now_s: Unix time by which cookies expire; one that does not go back.

        Raises:
            ConfigError: the file cannot be read, or holds no token.
        """
        self._token = _read_token(web.token_file) if web.token_file else ""
        self._key = hmac.digest(self._token.encode(), b"corrosion control room cookie", "sha256")
        self._lasts_s = web.session_hours * 3600
        self._now_s = now_s
        self._failures: dict[str, deque[float]] = {}

    @property
    def is_required(self) -> bool:
        """Whether people have to log in."""
        return bool(self._token)

    def is_token(self, offered: str) -> bool:
        """Compare with the token in constant time."""
        return hmac.compare_digest(_hash(offered), _hash(self._token))

    def make_cookie(self) -> str:
        """Make a signed cookie that expires after ``[web] session_hours``."""
        expires = str(int(self._now_s()) + self._lasts_s)
        return f"{expires}.{self._sign(expires)}"

    def is_valid_cookie(self, cookie: str) -> bool:
        """Check a cookie's signature and expiry; a new token invalidates all cookies.

        One that lasts longer than any made now was made by a clock that was ahead.
        """
        expires, _, signature = cookie.partition(".")
        if not expires.isascii() or not expires.isdigit() or len(expires) > 12:
            return False
        genuine = hmac.compare_digest(signature.encode(), self._sign(expires).encode())
        return genuine and 0 < int(expires) - self._now_s() <= self._lasts_s

    def may_try(self, address: str) -> bool:
        """Whether an address has fewer than 10 failed logins in the last minute."""
        failures = self._failures.get(address, ())
        recent = [at for at in failures if time.monotonic() - at < _FAILURES_WITHIN_S]
        return len(recent) < _MAX_FAILURES

    def note_failure(self, address: str) -> None:
        """Count a failed login."""
        if len(self._failures) >= _MAX_ADDRESSES:
            self._failures.pop(next(iter(self._failures)))
        self._failures.setdefault(address, deque(maxlen=_MAX_FAILURES)).append(time.monotonic())

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()


class AccessMiddleware:
    """ASGI middleware: refuse a request or pass it on, and add security headers to the response."""

    def __init__(self, app: ASGIApp, web: WebConfig, logins: Logins) -> None:
        self._app = app
        self._logins = logins
        self._metrics_token = MetricsToken(web)
        self._names = {"localhost", web.host.lower(), *(name.lower() for name in web.names)}
        self._is_https = web.tls_cert_file is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                fresh = "no-cache" if scope["path"].startswith("/page/") else "no-store"
                headers.setdefault("Cache-Control", fresh)
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        if not self._is_own_host(request.headers.get("host", "")):
            return PlainTextResponse("not this host; see [web] names\n", 421)
        is_read = request.method in ("GET", "HEAD")
        if is_foreign_read(request) or not (is_read or self._is_own_origin(request)):
            return PlainTextResponse("what another site asks for is refused; open the page itself\n", 403)
        if not self._logins.is_required or path_of(request.scope) in _OPEN_PATHS:
            return None
        has_cookie = self._logins.is_valid_cookie(request.cookies.get(COOKIE, ""))
        if has_cookie or self._metrics_token.opens(request) or self._has_bearer(request):
            return None
        if request.method == "GET" and path_of(request.scope) == "/":
            return RedirectResponse("login", 303)  # relative: it may lie below a path of a reverse proxy
        return PlainTextResponse("log in at /login, or send Authorization: Bearer TOKEN\n", 401)

    def _has_bearer(self, request: Request) -> bool:
        """Whether a program sent the token itself as a bearer token."""
        header = request.headers.get("authorization", "")
        address = request.client.host if request.client else ""
        if not header.startswith("Bearer ") or not self._logins.may_try(address):
            return False
        if self._logins.is_token(header.removeprefix("Bearer ").strip()):
            return True
        self._logins.note_failure(address)
        return False

    def _is_own_host(self, header: str) -> bool:
        """Whether a Host header names this machine: a known name, or an IP address, which cannot rebind."""
        try:
            name = host_name(header)
        except BadRequestError:
            return False
        try:
            ip_address(name)
        except ValueError:
            return name in self._names
        return True

    def _is_own_origin(self, request: Request) -> bool:
        """Whether a post comes from this page; programs send no origin and are checked by token or cookie."""
        origin = request.headers.get("origin")
        if origin is None:
            return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        try:
            return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
        except ValueError:
            return False


def _read_token(path: str) -> str:
    try:
        token = read_token(Path(path))
    except TextFileError as err:
        raise ConfigError(f"[web] token_file {path}: {err}; {_TOKEN_WANTED}") from err
    if len(token) < MIN_TOKEN or not token.isprintable():
        raise ConfigError(f"[web] token_file {path}: {_TOKEN_WANTED}")
    return token


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
