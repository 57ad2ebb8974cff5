"""Serve the local page, ``/healthz`` and ``/metrics`` over HTTP.

On the loopback address no token is needed; on any other one is required. The connection is not encrypted:
put a reverse proxy in front where others can listen. Requests with a foreign ``Host`` are refused, so that a
web page elsewhere cannot read this one through the browser.
"""

from __future__ import annotations

import hmac
import logging
import math
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote

from edge_node.credential_files import credential_path, shown_path
from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.verdict import encode
from edge_node.monitoring.guess_limit import GuessLimit
from edge_node.monitoring.http_request import BadRequestError, client_key, host_name, real_address
from edge_node.monitoring.http_server import HttpServer, Response
from edge_node.text_file import TextFileError, read_token
from edge_node.validation import show

if TYPE_CHECKING:
    from edge_node.config.sections import HttpConfig
    from edge_node.monitoring.http_request import Request
    from edge_node.monitoring.live_view import LiveView

PAGE = Path(__file__).with_name("page.html")
COOKIE: Final = "corrosion_edge_token"
_MIN_TOKEN = 16
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_log = logging.getLogger(__name__)


class PageError(CorrosionError):
    """The page cannot be served; the node goes on without it."""


class LocalPage:
    """Serve the content of a ``LiveView`` in a thread."""

    def __init__(self, config: HttpConfig, view: LiveView) -> None:
        """Bind the port.

        Raises:
            ConfigError: no token for an address that other machines reach.
            PageError: the port cannot be bound.
        """
        self._token = load_token(config)
        self._view = view
        self._html = PAGE.read_bytes()
        self._hosts = {"localhost", config.host.lower(), *(name.lower() for name in config.names)}
        self._guesses = GuessLimit()
        self._host = config.host
        try:
            self._server = HttpServer((config.host, config.port), self._respond, headers=_SECURITY_HEADERS)
        except OSError as err:
            raise PageError(
                f"[http] port = {config.port} on {config.host}: {err.strerror or err}; choose another port"
            ) from err

    @property
    def port(self) -> int:
        """The port that is bound."""
        return self._server.port

    def __enter__(self) -> LocalPage:  # noqa: PYI034  Self needs Python 3.11
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start serving."""
        self._server.start()
        _log.info("page at http://%s:%d/", self._host, self.port)

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.stop()

    def _respond(self, request: Request) -> Response:
        """Return the response to a request by its path, after host and token were checked."""
        try:
            is_own = self._is_own_host(request.headers.get("host", ""))
        except BadRequestError as err:
            return Response(400, f"{err}\n".encode())
        if not is_own:
            return Response(421, b"not this host; see [http] names\n")
        if request.path == "/healthz":
            return self._healthz()
        if request.path == "/favicon.ico":
            return Response(204, b"")  # browsers ask by themselves; an error would stand in their console
        return self._refusal(request) or self._content(request)

    def _refusal(self, request: Request) -> Response | None:
        """Return the response to a request without the token; None if it has it, or none is needed."""
        if not self._token:
            return None
        client = client_key(real_address(request))
        if (wait_s := self._guesses.wait_s(client)) > 0:
            text = f"too many wrong tokens from here; wait {wait_s:.0f} s\n".encode()
            return Response(429, text, headers={"Retry-After": str(math.ceil(wait_s))})
        offered = _offered_token(request)
        if hmac.compare_digest(offered.encode(), self._token.encode()):
            return None
        if offered:
            self._guesses.note_wrong(client, offered)
        return Response(401, b"wanted a token: /?token=... or Authorization: Bearer ...\n")

    def _content(self, request: Request) -> Response:
        view, path = self._view, request.path
        if path == "/":
            return Response(200, self._html, "text/html; charset=utf-8", _cookie(request))
        if path == "/state.json":
            return Response(200, encode(view.state_to_show()), "application/json")
        if path == "/picture.jpg":
            picture = view.picture(unquote(request.query))
            if picture is None:
                return Response(404, b"no frame was judged yet\n")
            return Response(200, picture, "image/jpeg")
        if path == "/metrics":
            from edge_node.monitoring.prometheus import format_metrics

            kind = "text/plain; version=0.0.4; charset=utf-8"
            return Response(200, format_metrics(view.state()), kind)
        return Response(404, b"there are /, /healthz, /metrics, /state.json and /picture.jpg\n")

    def _healthz(self) -> Response:
        state = self._view.state()
        if state.hung:
            return Response(503, state.hung.encode() + b"\n")
        if state.status is None:
            return Response(503, b"starting\n")
        return Response(200, b"ok\n")

    def _is_own_host(self, header: str) -> bool:
        """Tell whether a Host header names this robot: by a known name, or by an address.

        Raises:
            BadRequestError: it is no host.
        """
        name = host_name(header)
        try:
            ip_address(name)
        except ValueError:
            return name in self._hosts
        return True


def _offered_token(request: Request) -> str:
    """Return the token in a request: in a header, in the address, or in the cookie; "" for none."""
    header = request.headers.get("authorization", "")
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ").strip()
    if given := parse_qs(request.query).get("token"):
        return given[0]
    # The first is the one of this folder; other programs behind the same proxy have cookies of any form.
    cookies = (one.strip().partition("=") for one in request.headers.get("cookie", "").split(";"))
    return next((value for name, _, value in cookies if name == COOKIE), "")


def _cookie(request: Request) -> dict[str, str]:
    """Return the header that stores a token from the address in the browser.

    Without a path, so that it belongs to the page's own folder, also below a path of a reverse proxy.
    """
    given = parse_qs(request.query).get("token")
    if not given or not (given[0].isascii() and given[0].isalnum()):
        return {}
    return {"Set-Cookie": f"{COOKIE}={given[0]}; HttpOnly; SameSite=Strict"}


def load_token(config: HttpConfig) -> str:
    """Return the token that requests need; empty if they need none."""
    if config.token_file is None:
        if not _is_loopback(config.host):
            raise ConfigError(
                f"[http] host = {show(config.host)} is reached by others:"
                " token_file must name a file with a token"
            )
        return ""
    named = f"[http] token_file = {shown_path(config.token_file)!r}"
    try:
        token = read_token(credential_path(config.token_file))
    except TextFileError as err:
        raise ConfigError(f"{named}: {err}") from err
    if len(token) < _MIN_TOKEN or not (token.isascii() and token.isalnum()):
        raise ConfigError(f"{named}: wanted at least {_MIN_TOKEN} letters and digits")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
