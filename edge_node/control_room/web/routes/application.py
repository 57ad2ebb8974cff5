"""Build the ASGI application: the page's files, the login and the API, behind the access check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.requests.request_turns import RequestTurns
from edge_node.control_room.web import login_pages, metrics_endpoint, probes
from edge_node.control_room.web.access import AccessMiddleware
from edge_node.control_room.web.json import json_responses
from edge_node.control_room.web.json.query_parameters import QueryError
from edge_node.control_room.web.routes import downloads, drawings, missions
from edge_node.control_room.web.routes import queries as api
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Lifespan

    from edge_node.control_room.web.services import Services

PAGE = Path(__file__).parents[1] / "page"


def build_application(services: Services, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """Build the ASGI application of a control room."""
    routes = [
        Route("/", _page),
        *login_pages.ROUTES,
        *probes.ROUTES,
        Route(metrics_endpoint.PATH, metrics_endpoint.get_metrics),
        *api.ROUTES,
        *downloads.ROUTES,
        *missions.ROUTES,
        *drawings.ROUTES,
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(metrics_endpoint.RequestMetrics, metrics=services.metrics, routes=routes),
            Middleware(
                AccessMiddleware,
                web=services.settings.web,
                logins=services.logins,
                audit=services.audit,
            ),
            Middleware(RequestTurns),
        ],
        lifespan=lifespan,
        exception_handlers={
            QueryError: json_responses.respond_bad_query,
            json_responses.PostError: json_responses.respond_bad_post,
            HistoryError: _respond_broken_history,
            ClientDisconnect: _forget_request,
        },
    )
    app.state.services = services
    app.state.missions = MissionBook(services.history.database)
    return app


async def _page(_request: Request) -> Response:
    return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")


def _respond_broken_history(request: Request, err: Exception) -> Response:
    """Respond while the history cannot be read: 503."""
    if isinstance(err, HistoryError):
        get_services(request).readiness.note_broken(err)
    return json_responses.respond_problem(503, str(err))


def _forget_request(_request: Request, _err: Exception) -> Response:
    """Respond to a client that went, or was sent away, before its request had come: to nobody."""
    return Response(status_code=400)
