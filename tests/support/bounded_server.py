"""A page's server with its bounds on connections, and an application of a few lines, in this process."""

from __future__ import annotations

import asyncio
import functools
import http.client
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn

from edge_node.control_room.connections.bounded_listener import BoundedListener
from edge_node.control_room.connections.bounded_protocol import MAX_HEAD_BYTES, BoundedProtocol
from edge_node.control_room.connections.connection_book import ConnectionBook, ConnectionLimits
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path


class BoundedServer:
    """Serve ``app``, or ``/`` with "ok", ``/stream`` with 40 MB, ``/body`` with the size of what came."""

    def __init__(
        self, limits: ConnectionLimits, certificate: tuple[Path, Path] | None = None, app: Any = None
    ) -> None:
        self.book = ConnectionBook(limits)
        self.listener = BoundedListener(socket.AF_INET)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.count_in(self.book)
        self.port = self.listener.getsockname()[1]
        config = uvicorn.Config(
            app or self._serve,
            loop="asyncio",
            interface="asgi3",
            http=functools.partial(BoundedProtocol, book=self.book),
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            log_level="error",
            lifespan="off",
            timeout_graceful_shutdown=1,
            ssl_certfile=str(certificate[0]) if certificate else None,
            ssl_keyfile=str(certificate[1]) if certificate else None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> BoundedServer:  # noqa: PYI034  Self needs Python 3.11
        self._thread.start()
        wait_for(lambda: self._server.started, 10, "the server")
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self.listener.close()

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Ask for a path; return status, headers in lower case, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(
                "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        sweep = asyncio.create_task(self._sweep())
        await self._server.serve(sockets=[self.listener])
        sweep.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            self.book.end_overdue(time.monotonic())

    async def _serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/stream":
            for _ in range(40):
                await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        if scope["path"] == "/body":
            size, more = 0, True
            while more:
                message = await receive()
                size, more = size + len(message.get("body", b"")), message.get("more_body", False)
            await send({"type": "http.response.body", "body": b"%d" % size, "more_body": True})
        await send({"type": "http.response.body", "body": b"ok"})
