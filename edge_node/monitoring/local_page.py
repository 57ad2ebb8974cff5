"""Serve the local page, ``/healthz`` and ``/metrics`` over HTTP.

On the loopback address no token is needed; on any other one is required. The connection is not encrypted:
put a reverse proxy in front where others can listen. Requests with a foreign ``Host`` are refused, so that a
web page elsewhere cannot read this one through the browser.
"""

from __future__ import annotations

import hmac
import logging
import socket
import threading
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.verdict import encode
from edge_node.text_file import TextFileError, read_token

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from edge_node.config.sections import HttpConfig
    from edge_node.monitoring.live_view import LiveView

PAGE = Path(__file__).with_name("page.html")
COOKIE: Final = "corrosion_edge_token"
MAX_REQUESTS = 8  # at once; further ones get 503
_TIMEOUT_S = 10.0
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
        self.view = view
        self.html = PAGE.read_bytes()
        self.hosts = {"localhost", "127.0.0.1", "::1", config.host, *config.names}
        self.slots = threading.BoundedSemaphore(MAX_REQUESTS)
        try:
            self._server = _PageServer((config.host, config.port), self)
        except OSError as err:
            raise PageError(
                f"[http] port = {config.port} on {config.host}: {err.strerror or err}; choose another port"
            ) from err
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="page", daemon=True
        )

    def __enter__(self) -> LocalPage:  # noqa: PYI034  Self needs Python 3.11
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start serving."""
        self._thread.start()
        _log.info("page at http://%s:%d/", self._server.server_address[0], self.port)

    def stop(self) -> None:
        """Stop serving and close the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(2.0)
        self._server.server_close()

    def admits(self, offered: str) -> bool:
        """Tell whether ``offered`` is the token; anything is, where none is required."""
        return not self._token or hmac.compare_digest(offered.encode(), self._token.encode())


class _PageServer(ThreadingHTTPServer):
    daemon_threads = True
    # An open page must not keep the daemon from ending.
    block_on_close = False

    def __init__(self, address: tuple[str, int], page: LocalPage) -> None:
        self.page = page
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Log at debug level only: a viewer that disconnects is no error."""
        _log.debug("request from %s failed", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """Handle one request; only GET."""

    server: _PageServer
    timeout = _TIMEOUT_S
    server_version = "corrosion-edge"
    sys_version = ""

    def do_GET(self) -> None:  # the library's name
        """Respond with 503 if too many requests are in work, else by path."""
        page = self.server.page
        if not page.slots.acquire(blocking=False):
            self._answer(503, b"busy\n")
            return
        try:
            self._route(page, urlsplit(self.path))
        finally:
            page.slots.release()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Log nothing: paths may contain a token."""

    def _route(self, page: LocalPage, url: SplitResult) -> None:
        if not _is_own_host(self.headers.get("Host", ""), page.hosts):
            self._answer(421, b"not this host; see [http] names\n")
        elif url.path == "/healthz":
            self._healthz(page)
        elif not page.admits(self._offered(url)):
            self._answer(401, b"wanted a token: /?token=... or Authorization: Bearer ...\n")
        elif url.path == "/":
            self._answer(200, page.html, "text/html; charset=utf-8", self._cookie(url))
        elif url.path == "/state.json":
            self._answer(200, encode(page.view.state()), "application/json")
        elif url.path == "/picture.jpg":
            picture = page.view.picture()
            if picture is None:
                self._answer(404, b"no frame was decided yet\n")
            else:
                self._answer(200, picture, "image/jpeg")
        elif url.path == "/favicon.ico":
            self._answer(204, b"")  # browsers ask by themselves; a 404 would stand in their console
        elif url.path == "/metrics":
            from edge_node.monitoring.prometheus import format_metrics

            self._answer(200, format_metrics(page.view.state()), "text/plain; version=0.0.4; charset=utf-8")
        else:
            self._answer(404, b"there are /, /healthz, /metrics, /state.json and /picture.jpg\n")

    def _healthz(self, page: LocalPage) -> None:
        state = page.view.state()
        if state.hung:
            self._answer(503, state.hung.encode() + b"\n")
        elif state.status is None:
            self._answer(503, b"starting\n")
        else:
            self._answer(200, b"ok\n")

    def _offered(self, url: SplitResult) -> str:
        header = self.headers.get("Authorization", "")
        if header.startswith("Bearer "):
            return header.removeprefix("Bearer ").strip()
        if given := parse_qs(url.query).get("token"):
            return given[0]
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return cookie.value if cookie else ""

    def _cookie(self, url: SplitResult) -> dict[str, str]:
        """Return the header that stores a token from the URL in the browser."""
        given = parse_qs(url.query).get("token")
        if not given or not given[0].isalnum():
            return {}
        return {"Set-Cookie": f"{COOKIE}={given[0]}; HttpOnly; SameSite=Strict; Path=/"}

    def _answer(
        self,
        code: int,
        body: bytes,
        kind: str = "text/plain; charset=utf-8",
        more: dict[str, str] | None = None,
    ) -> None:
        self.send_response(code)
        for name, value in {**_SECURITY_HEADERS, **(more or {}), "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def load_token(config: HttpConfig) -> str:
    """Return the token that requests need; empty if they need none."""
    if config.token_file is None:
        if not _is_loopback(config.host):
            raise ConfigError(
                f"[http] host = {config.host!r} is reached by others:"
                " token_file must name a file with a token"
            )
        return ""
    try:
        token = read_token(Path(config.token_file))
    except TextFileError as err:
        raise ConfigError(f"[http] token_file = {config.token_file!r}: {err}") from err
    if len(token) < _MIN_TOKEN or not (token.isascii() and token.isalnum()):
        raise ConfigError(
            f"[http] token_file = {config.token_file!r}: wanted at least {_MIN_TOKEN} letters and digits"
        )
    return token


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_own_host(header: str, names: set[str]) -> bool:
    """Tell whether a Host header names this robot: by a known name, or by an address."""
    name = urlsplit(f"//{header}").hostname or ""
    try:
        ip_address(name)
    except ValueError:
        return name in names
    return True
