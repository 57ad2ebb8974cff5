"""Build the ASGI application: the page's files, the login and the API, behind the access check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.requests.request_turns import RequestTurns
from edge_node.control_room.web import api, downloads, json_responses, metrics_endpoint, probes
from edge_node.control_room.web.access import COOKIE, AccessMiddleware
from edge_node.control_room.web.query_parameters import QueryError
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Lifespan

    from edge_node.control_room.web.access import Logins
    from edge_node.control_room.web.services import Services

_LOGIN_PROBLEMS = ("token", "wait")
PAGE = Path(__file__).with_name("page")


def build_application(
    services: Services, logins: Logins, lifespan: Lifespan[Starlette] | None = None
) -> Starlette:
    """Build the ASGI application of a control room."""
    routes = [
        Route("/", _page),
        Route("/login", _login_page),
        Route("/login", _login, methods=["POST"]),
        Route("/logout", _logout, methods=["POST"]),
        *probes.ROUTES,
        Route(metrics_endpoint.PATH, metrics_endpoint.get_metrics),
        *api.ROUTES,
        *downloads.ROUTES,
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(metrics_endpoint.RequestMetrics, metrics=services.metrics, routes=routes),
            Middleware(AccessMiddleware, web=services.settings.web, logins=logins),
            Middleware(RequestTurns),
        ],
        lifespan=lifespan,
        exception_handlers={
            QueryError: json_responses.respond_bad_query,
            HistoryError: _respond_broken_history,
            ClientDisconnect: _forget_request,
        },
    )
    app.state.services = services
    app.state.logins = logins
    return app


async def _page(_request: Request) -> Response:
    return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")


async def _login_page(request: Request) -> Response:
    text = (PAGE / "login.html").read_text(encoding="utf-8")
    if (problem := request.query_params.get("problem")) in _LOGIN_PROBLEMS:
        text = text.replace('data-problem="none"', f'data-problem="{problem}"')
    return HTMLResponse(text)


async def _login(request: Request) -> Response:
    """Exchange the token for a cookie."""
    logins: Logins = request.app.state.logins
    web = get_services(request).settings.web
    address = request.client.host if request.client else ""
    if not logins.may_try(address):
        return RedirectResponse("login?problem=wait", 303)
    offered = parse_qs((await json_responses.read_body(request)).decode("utf-8", "replace")).get(
        "token", [""]
    )[0]
    if not logins.is_token(offered.strip()):
        logins.note_failure(address)
        return RedirectResponse("login?problem=token", 303)
    response = RedirectResponse("./", 303)
    response.set_cookie(
        COOKIE,
        logins.make_cookie(),
        max_age=web.session_hours * 3600,
        path=None,  # the page's own folder, also below a path of a reverse proxy
        httponly=True,
        samesite="strict",
        secure=web.tls_cert_file is not None,
    )
    return response


async def _logout(_request: Request) -> Response:
    response = RedirectResponse("login", 303)
    response.set_cookie(COOKIE, "", max_age=0, path=None)
    return response


def _respond_broken_history(request: Request, err: Exception) -> Response:
    """Respond while the history cannot be read: 503."""
    if isinstance(err, HistoryError):
        get_services(request).readiness.note_broken(err)
    return json_responses.respond_problem(503, str(err))


def _forget_request(_request: Request, _err: Exception) -> Response:
    """Respond to a client that went, or was sent away, before its request had come: to nobody."""
    return Response(status_code=400)
