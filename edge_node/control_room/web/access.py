"""Check host name, origin, login and role of every request, and add the security headers to every response.

Where no logins are set up the page is on the loopback address alone, and whoever is there may do everything.
A request under a foreign host name is refused, so that another web page cannot reach this one through the
browser (DNS rebinding); so is a post from another origin. What a reverse proxy says of its client counts only
if the proxy is trusted.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

from edge_node.control_room.deeds import Deed
from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.people.audit import is_told
from edge_node.control_room.people.logins import Claim
from edge_node.control_room.people.proxy_headers import TrustedProxies, last_value
from edge_node.control_room.people.roles import Origin, Person, Role
from edge_node.control_room.requests.client import path_of
from edge_node.control_room.requests.request_origin import is_foreign_read
from edge_node.control_room.web.json.json_responses import PostError, respond_problem
from edge_node.control_room.web.metrics_endpoint import MetricsToken
from edge_node.control_room.web.route_roles import OPEN_FILES, ROUTE_ROLES, find_route
from edge_node.monitoring.http_request import BadRequestError, host_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge_node.control_room.people.audit import Audit
    from edge_node.control_room.people.logins import Logins
    from edge_node.control_room.sections import WebConfig

_COOKIE: Final = "corrosion_room"
_DAY_S = 86_400
PROXIED_STREAM_S = 300.0  # how long an answer that never ends lasts for one whom a proxy names
_MAX_COUNTED = 1000
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


class AccessMiddleware:
    """ASGI middleware: refuse a request or pass it on, and add security headers to the response."""

    def __init__(self, app: ASGIApp, web: WebConfig, logins: Logins, audit: Audit) -> None:
        self._app = app
        self._web = web
        self._logins = logins
        self._audit = audit
        self._proxies = TrustedProxies(web.trusted_proxies)
        self._metrics_token = MetricsToken(web)
        self._names = {"localhost", web.host.lower(), *(name.lower() for name in web.names)}
        self._root_path = web.root_path.rstrip("/")
        self._forbidden: Counter[tuple[str, str]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._resolve_proxy(scope)
        request = Request(scope)
        is_page_file = path_of(scope).startswith("/page/")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https" and self._web.hsts_days:
                    headers.setdefault("Strict-Transport-Security", f"max-age={self._web.hsts_days * _DAY_S}")
                headers.setdefault("Cache-Control", "no-cache" if is_page_file else "no-store")
            await send(message)

        refusal = self._refuse_foreign(request) or await self._refuse_role(request)
        await (refusal or self._app)(scope, receive, with_headers)

    def _resolve_proxy(self, scope: Scope) -> None:
        """Change the scope to the request as the client sent it to a trusted proxy.

        ``peer`` is the other end of the connection. The path is below the root path, whether the proxy took
        that off or not.
        """
        peer = scope["client"][0] if scope.get("client") else ""
        headers = MutableHeaders(raw=list(scope["headers"]))
        root, path = self._root_path, scope["path"]
        if root and path != root and not path.startswith(f"{root}/"):
            path = root + path
        scope.update(peer=peer, root_path=root, path=path, hosts=[headers.get("host", "")])
        if not self._proxies.is_trusted(peer):
            return
        scope["client"] = (self._proxies.find_client(peer, headers.getlist("x-forwarded-for")), 0)
        if (scheme := last_value(headers.getlist("x-forwarded-proto"))) in ("http", "https"):
            scope["scheme"] = scheme
        if host := last_value(headers.getlist("x-forwarded-host")):
            scope["hosts"].append(host)
            headers["host"] = host  # by which redirects are made
            scope["headers"] = headers.raw

    def _refuse_foreign(self, request: Request) -> Response | None:
        if "transfer-encoding" in request.headers and "content-length" in request.headers:
            # A proxy may have read another end of the request, and another one behind it.
            return PlainTextResponse("two lengths\n", 400, headers={"Connection": "close"})
        if not all(map(self._is_own_host, request.scope["hosts"])):
            return PlainTextResponse("not this host; see [web] names\n", 421)
        is_read = request.method in ("GET", "HEAD")
        if is_foreign_read(request) or not (is_read or self._is_own_origin(request)):
            return PlainTextResponse("what another site asks for is refused; open the page itself\n", 403)
        if self._root_path and request.scope["path"] == self._root_path:
            return RedirectResponse(f"{self._root_path}/", 308)
        return None

    async def _refuse_role(self, request: Request) -> Response | None:
        claim = self._read_claim(request)
        try:
            person = await self._identify(claim)
        except HistoryError:
            return respond_problem(503, "the history cannot be read, so nobody can be told from another")
        request.scope["person"] = person
        # A proxy's own login may end meanwhile: it is asked again by the page, which comes back.
        ends_s = time.monotonic() + PROXIED_STREAM_S if person and person.origin is Origin.PROXY else math.inf
        request.scope["is_valid"] = lambda: self._is_still(person, claim) and time.monotonic() < ends_s
        route = find_route(request.app.routes, request.scope)
        needed = ROUTE_ROLES.get(route, Role.ADMIN) if route else Role.VIEWER
        if needed is None or path_of(request.scope) in OPEN_FILES or self._metrics_token.opens(request):
            return None
        if person is None:
            return await self._refuse_stranger(request, claim)
        if route is not None and route not in ROUTE_ROLES:
            return respond_problem(403, "no role is set for this address")
        return None if person.may(needed) else await self._forbid(request, person, needed)

    async def _identify(self, claim: Claim) -> Person | None:
        if self._logins.reads_history and claim.cookie:
            return await run_in_threadpool(self._logins.identify, claim)
        return self._logins.identify(claim)

    def _is_still(self, person: Person | None, claim: Claim) -> bool:
        """Tell whether a login holds; while the history cannot be read, what was known of it does."""
        try:
            return self._logins.identify(claim) == person
        except HistoryError:
            return True

    def _read_claim(self, request: Request) -> Claim:
        """Return what a request says of its sender; a user's name only of a trusted proxy."""
        header = request.headers.get("authorization", "")
        is_proxied = self._web.user_header is not None and self._proxies.is_trusted(request.scope["peer"])
        return Claim(
            address=request.client.host if request.client else "",
            bearer=header[7:].strip() if header[:7].lower() == "bearer " else "",
            cookie=request.cookies.get(cookie_name(request), ""),
            proxy_users=_values(request.headers, self._web.user_header) if is_proxied else None,
            proxy_groups=_values(request.headers, self._web.role_header) if is_proxied else (),
        )

    async def _refuse_stranger(self, request: Request, claim: Claim) -> Response:
        if claim.bearer and (wait_s := await run_in_threadpool(self._logins.note_wrong_token, claim)):
            return PlainTextResponse(
                "wrong token, too often\n", 429, headers={"Retry-After": str(int(wait_s) + 1)}
            )
        if claim.proxy_users:
            return PlainTextResponse("this user has no role in this control room\n", 403)
        if request.method in ("GET", "HEAD") and path_of(request.scope) == "/":
            return RedirectResponse(page_path(request, "login"), 303)
        return PlainTextResponse(
            "log in at /login, or send Authorization: Bearer TOKEN\n",
            401,
            headers={"WWW-Authenticate": "Bearer"},
        )

    async def _forbid(self, request: Request, person: Person, needed: Role) -> Response:
        tried = f"{request.method} {path_of(request.scope)}"
        if len(self._forbidden) >= _MAX_COUNTED:
            self._forbidden.clear()
        self._forbidden[person.name, tried] += 1
        if is_told(self._forbidden[person.name, tried]):
            await run_in_threadpool(
                self._audit.note_done, person, Deed.FORBIDDEN, tried[:200], outcome="refused"
            )
        return respond_problem(
            403, f"the role {person.role.value} may not do this; it needs the role {needed.value}"
        )

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
        site = request.headers.get("sec-fetch-site", "same-origin" if origin is None else "")
        if origin is None:
            return site == "same-origin"
        try:
            found = urlsplit(origin)
        except ValueError:
            return False
        if is_secure(request) and found.scheme != "https":
            return False
        if found.netloc.lower() == request.headers.get("host", "").lower():
            return True
        # Many a proxy passes a host on without its port, or its own: then the browser says whose page it is.
        is_proxied = self._proxies.is_trusted(request.scope["peer"])
        return is_proxied and site == "same-origin" and self._is_own_host(found.netloc)


def person_of(request: Request) -> Person:
    """Return who sent a request that needed a login."""
    person: Person = request.scope["person"]
    return person


def sign_name(person: Person, by: str | None) -> str:
    """Return who does something: the person of a login, whatever name was typed, else the name that was.

    Raises:
        PostError: neither is known.
    """
    if person.origin.is_named:
        return person.name
    if not by:
        raise PostError(400, "by: wanted the name of the person, as no login says it")
    return by


def validity_of(request: Request) -> Callable[[], bool]:
    """Return a function that tells whether the login of a request still holds, for answers that never end."""
    is_valid: Callable[[], bool] = request.scope["is_valid"]
    return is_valid


def still_knows(request: Request) -> bool:
    """Tell whether the login of a request that took long still holds; a proxy's is asked for the next."""
    return person_of(request).origin is Origin.PROXY or validity_of(request)()


def is_secure(request: Request) -> bool:
    """Whether the browser sent a request by HTTPS, here or to a trusted proxy."""
    return bool(request.scope["scheme"] == "https")


def page_path(request: Request, name: str) -> str:
    """Return the address of a page for a redirect.

    Without a root path it is relative: a proxy may serve the page below a path that nobody told us.
    """
    root: str = request.scope["root_path"]
    return f"{root}/{name}" if root else (name or "./")


def cookie_name(request: Request) -> str:
    """Return the name of the session's cookie, with the prefix that binds it most.

    ``__Host-`` is for the path / alone; without HTTPS browsers take neither prefix.
    """
    if not is_secure(request):
        return _COOKIE
    return f"__Secure-{_COOKIE}" if request.scope["root_path"] else f"__Host-{_COOKIE}"


def _values(headers: Headers, name: str | None) -> tuple[str, ...]:
    """Return the values of a header in UTF-8, as proxies send names; ASGI servers read them as Latin-1."""
    values = headers.getlist(name) if name else []
    return tuple(value.encode("latin-1").decode("utf-8", "replace") for value in values)
