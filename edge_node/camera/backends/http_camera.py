"""Open a camera's HTTP address: an MJPEG stream, a snapshot that is polled, or something for FFmpeg."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from edge_node.camera.backends.challenge import Challenge, Login, choose_challenge
from edge_node.camera.backends.mjpeg import MjpegCamera
from edge_node.camera.backends.network_cause import (
    UNKNOWN_LOGIN,
    connection_cause,
    ffmpeg_login_cause,
    status_cause,
)
from edge_node.camera.backends.snapshot import SnapshotCamera
from edge_node.camera.source import parse_source
from edge_node.errors import CameraError

if TYPE_CHECKING:
    import threading
    from http.client import HTTPResponse

    from edge_node.camera.source import Source
    from edge_node.config.sections import CameraConfig

_UNAUTHORIZED = 401
_DEFAULT_PORTS = {"http": 80, "https": 443}
_AS_IT_IS = "/%:=&?~+!$,;'@()*[]"  # what stays in a path and a query
_PICTURE_BEGINS = (b"\xff\xd8\xff", b"\x89PNG")
_PAGES = frozenset({"text/html", "application/xhtml+xml", "application/json", "text/xml", "application/xml"})
_BOUNDARY_BEGINS = (b"--", b"\r\n--", b"\n--")
_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/plain"})


class HttpAddress:
    """Request one address again and again, with its login where the camera asks for one.

    Attributes:
        challenge: how the camera asked for the login; None if it did not.
    """

    def __init__(self, source: Source, timeout_s: float) -> None:
        """Take the login out of the address."""
        parts = urlsplit(source.address)
        self.name = source.name
        self._host = parts.hostname or ""
        self._port = parts.port or _DEFAULT_PORTS[parts.scheme]
        self._timeout_s = timeout_s
        self._login: Login | None = None
        if parts.username:
            self._login = Login(unquote(parts.username), unquote(parts.password or ""))
        self._url = urlunsplit(
            parts._replace(
                netloc=parts.netloc.rpartition("@")[2],
                path=quote(parts.path, safe=_AS_IT_IS),
                query=quote(parts.query, safe=_AS_IT_IS),
                fragment="",
            )
        )
        self.challenge: Challenge | None = None
        self._answered = 0  # requests with this challenge
        self._redirects = _Redirects()
        self._opener = _make_opener(self._redirects)

    def get(self) -> HTTPResponse:
        """Return the response to a request.

        Raises:
            CameraError: no response within the timeout, or one that is an error; with the cause.
        """
        try:
            return self._get()
        except urllib.error.HTTPError as err:
            err.close()
            cause = status_cause(err.code, has_login=self._login is not None)
        except urllib.error.URLError as err:
            cause = self._cause(err.reason if isinstance(err.reason, BaseException) else err)
        except (OSError, HTTPException, ValueError) as err:
            cause = self._cause(err)
        # Not "from": the error's own text may hold the address.
        raise CameraError(f"{self.name}: {cause}") from None

    def _cause(self, err: BaseException) -> str:
        """Return why there is no connection: to where a redirect led, if one did."""
        led_to = self._redirects.led_to
        if led_to is None:
            return connection_cause(err, self._host, self._port, "HTTP")
        return f"it leads elsewhere, and there: {connection_cause(err, *led_to, 'HTTP')}"

    def _get(self) -> HTTPResponse:
        self._redirects.led_to = None
        try:
            return self._open(self._url)
        except urllib.error.HTTPError as err:
            if err.code != _UNAUTHORIZED or self._login is None or not self._is_trusted(err.url):
                raise
            err.close()
            self.challenge = choose_challenge(err.headers.get_all("WWW-Authenticate") or [])
            if self.challenge is None:
                raise CameraError(f"{self.name}: {UNKNOWN_LOGIN}") from None
            self._answered = 0
            return self._open(err.url)

    def _open(self, url: str) -> HTTPResponse:
        request = urllib.request.Request(url, headers={"User-Agent": "corrosion-edge"})  # noqa: S310
        if self._login is not None and self.challenge is not None:
            self._answered += 1
            answer = self.challenge.answer(self._login, "GET", request.selector, self._answered)
            answer = answer.encode().decode("latin-1")  # so that http.client sends it as UTF-8
            request.add_unredirected_header("Authorization", answer)  # not to where a redirect leads
        response: HTTPResponse = self._opener.open(request, timeout=self._timeout_s)
        return response

    def _is_trusted(self, url: str) -> bool:
        """Tell whether the password may go to where a redirect led: the same host, not without TLS."""
        before, after = urlsplit(self._url), urlsplit(url)
        return after.hostname == before.hostname and after.scheme in {before.scheme, "https"}


def open_http_camera(
    source: Source, config: CameraConfig, *, stop: threading.Event, first_frame_id: int = 0
) -> MjpegCamera | SnapshotCamera | str:
    """Request the address; return its camera, or the type of a content that FFmpeg may be able to read.

    Raises:
        CameraError: no response within the timeout, an error, or a page for people.
    """
    address = HttpAddress(source, config.timeout_ms / 1000)
    response = address.get()
    content = response.headers.get_content_type() if "Content-Type" in response.headers else ""
    if content in _PAGES:
        response.close()
        raise CameraError(
            f"{source.name}: the camera answers with a page ({content}), not with pictures: open the address"
            " in a browser; its manual names the addresses of stream and snapshot"
        )
    # Cameras declare wrong types: what its first bytes are, it is.
    head = _peek(response, source.name, config.timeout_ms)
    has_parts = content.startswith("multipart/") and response.headers.get_boundary()
    if has_parts or head.startswith(_BOUNDARY_BEGINS):
        return MjpegCamera(source, config, response, stop=stop, first_frame_id=first_frame_id)
    if content.startswith("image/") or (content in _UNTYPED and head.startswith(_PICTURE_BEGINS)):
        return SnapshotCamera(address, config, response, stop=stop, first_frame_id=first_frame_id)
    response.close()
    if cause := ffmpeg_login_cause(address.challenge):
        raise CameraError(f"{source.name}: {cause}")
    return content


def _peek(response: HTTPResponse, name: str, timeout_ms: int) -> bytes:
    """Return the first bytes of the content, which stay to be read; at least one."""
    try:
        head = response.peek(4)[:4]
    except TimeoutError:
        raise CameraError(f"{name}: the camera answers, but sends nothing within {timeout_ms} ms") from None
    except (OSError, HTTPException, ValueError) as err:
        raise CameraError(f"{name}: the connection broke ({type(err).__name__})") from None
    if not head:
        raise CameraError(
            f"{name}: the camera answers, but sends nothing ({response.status}): check the path"
        )
    return head


class _HttpsHandler(urllib.request.HTTPSHandler):
    """Load the authorities that sign certificates once they are needed: they take 30 ms and 1 MB."""

    def __init__(self) -> None:
        urllib.request.AbstractHTTPHandler.__init__(self)
        self._tls: ssl.SSLContext | None = None

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Open a connection whose certificate is checked."""
        self._tls = self._tls or ssl.create_default_context()
        return self.do_open(HTTPSConnection, req, context=self._tls)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to addresses that a source might have.

    Attributes:
        led_to: host and port of the last one.
    """

    def __init__(self) -> None:
        self.led_to: tuple[str, int] | None = None

    def redirect_request(self, *args: Any) -> urllib.request.Request | None:
        """Return the request for the new address, or raise the camera's own answer."""
        request, answer, code, _, headers, address = args
        try:
            source = parse_source(address)
        except CameraError:
            source = None
        if source is None or source.has_login or not address.lower().startswith("http"):
            raise urllib.error.HTTPError(request.full_url, code, "", headers, answer)
        parts = urlsplit(address)
        self.led_to = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
        return super().redirect_request(*args)


def _make_opener(redirects: _Redirects) -> urllib.request.OpenerDirector:
    """Return an opener for HTTP and HTTPS only, without the proxies of the environment."""
    opener = urllib.request.OpenerDirector()
    handlers: list[Any] = [
        urllib.request.HTTPHandler(),
        _HttpsHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        redirects,
    ]
    for handler in handlers:
        opener.add_handler(handler)
    return opener
