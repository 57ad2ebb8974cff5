"""Serve ``/metrics`` to Prometheus, and count the requests that the page answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Mount, Route

from edge_node.control_room.metrics.room_metrics import CONTENT_TYPE
from edge_node.control_room.requests.client import path_of
from edge_node.control_room.web.services import get_probed
from edge_node.errors import ConfigError
from edge_node.text_file import TextFileError, read_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge_node.control_room.metrics.room_metrics import RoomMetrics
    from edge_node.control_room.sections import WebConfig

PATH = "/metrics"
_SHORTEST_TOKEN = 16
_METHODS = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")


class MetricsToken:
    """The token of ``[web] metrics_token_file``, which opens ``/metrics`` and nothing else."""

    def __init__(self, web: WebConfig) -> None:
        """Read the token.

        Raises:
            ConfigError: the file cannot be read, or holds no token.
        """
        self._digest = b""
        if web.metrics_token_file is None:
            return
        where = f"[web] metrics_token_file {web.metrics_token_file}"
        try:
            token = read_token(Path(web.metrics_token_file))
        except TextFileError as err:
            raise ConfigError(f"{where}: {err}") from err
        if len(token) < _SHORTEST_TOKEN or not token.isprintable():
            raise ConfigError(f"{where}: wanted one line of at least {_SHORTEST_TOKEN} characters")
        self._digest = _hash(token)

    def opens(self, request: Request) -> bool:
        """Tell whether a request asks for the metrics with this token."""
        header = request.headers.get("authorization", "")
        if not self._digest or path_of(request.scope) != PATH or not header.startswith("Bearer "):
            return False
        return hmac.compare_digest(_hash(header.removeprefix("Bearer ").strip()), self._digest)


class RequestMetrics:
    """ASGI middleware that counts and times requests by their route, never by the path that was asked for."""

    def __init__(self, app: ASGIApp, metrics: RoomMetrics, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes: dict[object, str] = {
            route.endpoint if isinstance(route, Route) else route.app: route.path
            for route in routes
            if isinstance(route, (Route, Mount))
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.monotonic()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = self._routes.get(scope.get("endpoint"), "none")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.note_request(route, method, message["status"], time.monotonic() - began_s)
            await send(message)

        await self._app(scope, receive, noting)


async def get_metrics(request: Request) -> Response:
    """Send the metrics in the Prometheus text format."""
    services = get_probed(request)
    async with services.metrics_turn:  # each asks the history a few questions
        content = await asyncio.to_thread(services.metrics.format)
    return Response(content, media_type=CONTENT_TYPE)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
