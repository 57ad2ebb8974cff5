"""Give each client a bounded number of the API's threads; what it asks beyond that waits for its own turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from edge_node.control_room.requests.client import client_of, path_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

AT_ONCE = 8  # of the 40 threads that queries share; a browser asks for six things at once
# Streams and long work use none of these threads.
_UNBOUNDED = ("/api/events", "/api/jobs", "/api/report.", "/api/dataset.zip")


class RequestTurns:
    """ASGI middleware behind the access check."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns: dict[str, tuple[asyncio.Semaphore, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request when its client has a turn."""
        path = path_of(scope) if scope["type"] == "http" else ""
        if not path.startswith("/api/") or path.startswith(_UNBOUNDED):
            await self._app(scope, receive, send)
            return
        client = client_of(HTTPConnection(scope))
        turns, users = self._turns.get(client, (asyncio.Semaphore(AT_ONCE), 0))
        self._turns[client] = turns, users + 1
        try:
            async with turns:
                await self._app(scope, receive, send)
        finally:
            users = self._turns[client][1]
            if users > 1:
                self._turns[client] = turns, users - 1
            else:
                del self._turns[client]
