"""Build the ASGI application: the page's files, the login and the API, behind the access check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.web import api, downloads, json_responses, login_pages
from edge_node.control_room.web.access import AccessMiddleware
from edge_node.control_room.web.query_parameters import QueryError
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Lifespan

    from edge_node.control_room.web.services import Services

PAGE = Path(__file__).with_name("page")


def build_application(services: Services, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """Build the ASGI application of a control room."""
    app = Starlette(
        routes=[
            Route("/", _page),
            *login_pages.ROUTES,
            Route("/healthz", _healthz),
            *api.ROUTES,
            *downloads.ROUTES,
            Mount("/page", StaticFiles(directory=PAGE)),
        ],
        middleware=[
            Middleware(
                AccessMiddleware,
                web=services.settings.web,
                logins=services.logins,
                audit=services.audit,
            )
        ],
        lifespan=lifespan,
        exception_handlers={
            QueryError: json_responses.respond_bad_query,
            HistoryError: json_responses.respond_broken_history,
        },
    )
    app.state.services = services
    return app


async def _page(_request: Request) -> Response:
    return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")


async def _healthz(request: Request) -> Response:
    """Tell whether messages are stored and the history can be read; nothing else, as it needs no login."""
    services = get_services(request)
    if not services.ingest.is_alive:
        return PlainTextResponse("the ingest has ended\n", 503)
    try:
        await run_in_threadpool(services.history.newest, 1)
    except HistoryError:
        return PlainTextResponse("the history cannot be read\n", 503)
    return PlainTextResponse("ok\n")
