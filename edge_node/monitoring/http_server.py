"""Serve small HTTP responses from one thread, with every limit before any work.

A status page must not be able to end the inspection: the number of connections, the descriptors they take,
the size of a request and the time that it may take are bounded, and no thread is started for a client. Only
GET and HEAD; one request a connection.
"""

from __future__ import annotations

import logging
import resource
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from edge_node.monitoring.http_request import BadRequestError, Request, client_key, parse_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MAX_CONNECTIONS = 64
_RESERVED_DESCRIPTORS = 128  # spool, camera, broker, models, pictures
_LINGER_S = 1.0  # for a client to take its response before what it sent too much resets the connection
_BACKLOG = 128
_ACCEPT_SPAN_S = 0.25  # over which accepted clients are counted
_ACCEPT_PAUSE_S = 0.5  # when the process has no descriptor left
_END_OF_HEAD = b"\r\n\r\n"
_REFUSALS = {400: b"not an HTTP request that is understood here\n", 431: b"the request is too long\n"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response; ``headers`` beside those of its length and kind."""

    status: int
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server.

    Attributes:
        accepts_per_s: clients that are taken in a second, because each costs time of the processor; others
            wait in the kernel's queue.
        connections: open at once; then the one that has kept us waiting for longest is closed.
        per_address: of these from one address, or one IPv6 network of 64 bits.
        head_bytes: size of a request with its headers.
        head_s: time in which the whole of it must arrive, however steadily it trickles.
        response_s: time in which a client must take the response.
    """

    accepts_per_s: float = 200.0
    connections: int = _MAX_CONNECTIONS
    per_address: int = 16
    head_bytes: int = 8192
    head_s: float = 5.0
    response_s: float = 20.0


def limits_of_process() -> Limits:
    """Return limits that leave the rest of the process the descriptors that it needs."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return Limits()
    connections = max(4, min(_MAX_CONNECTIONS, (allowed - _RESERVED_DESCRIPTORS) // 4))
    return Limits(connections=connections, per_address=max(2, connections // 4))


class _Connection:
    """One client: its request as far as it has come, or what is left of its response."""

    def __init__(self, client: socket.socket, address: str, deadline_s: float) -> None:
        self.client = client
        self.address = address
        self.key = client_key(address)
        self.deadline_s = deadline_s
        self.received = bytearray()
        self.unsent = memoryview(b"")
        self.is_answered = False

    @property
    def is_waited_for(self) -> bool:
        """Whether nothing is being sent to it: it may be closed for another."""
        return not self.unsent


class HttpServer:
    """Accept, read, answer and close connections in a thread of its own."""

    def __init__(
        self,
        address: tuple[str, int],
        respond: Callable[[Request], Response],
        *,
        headers: dict[str, str],
        limits: Limits | None = None,
    ) -> None:
        """Bind the port.

        Args:
            address: host and port; port 0 takes a free one.
            respond: returns the response to a request; called in the server's thread, must be quick.
            headers: of every response.
            limits: None takes those that fit the process.

        Raises:
            OSError: the port cannot be bound.
        """
        self._respond = respond
        self._headers = headers
        self._limits = limits or limits_of_process()
        self._connections: dict[int, _Connection] = {}
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._listener = socket.create_server(
            address, family=family, backlog=_BACKLOG, dualstack_ipv6=address[0] == "::"
        )
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._accept_again_s: float | None = 0.0
        self._accepts = 0
        self._accepts_since_s = 0.0
        self._is_stopping = False
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    @property
    def port(self) -> int:
        """The port that is bound."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port and every connection."""
        if self._thread.is_alive():
            self._is_stopping = True
            self._waker.send(b"x")
            self._thread.join(2.0)
        for connection in list(self._connections.values()):
            connection.client.close()
        for one in (self._selector, self._listener, self._wake, self._waker):
            one.close()

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._turn(time.monotonic())
            except Exception:  # noqa: BLE001  no client may end the page
                _log.debug("page", exc_info=True)
                time.sleep(_ACCEPT_PAUSE_S)

    def _turn(self, now_s: float) -> None:
        """Wait for the next event or deadline, and deal with it."""
        if self._accept_again_s is not None and now_s >= self._accept_again_s:
            self._accept_again_s = None
            self._selector.register(self._listener, selectors.EVENT_READ)
        deadlines = [connection.deadline_s for connection in self._connections.values()]
        if self._accept_again_s is not None:
            deadlines.append(self._accept_again_s)
        wait_s = max(0.0, min(deadlines) - now_s) if deadlines else None
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.data, _Connection) and key.data.client.fileno() in self._connections:
                self._serve(key.data)
        now_s = time.monotonic()
        for connection in list(self._connections.values()):
            if now_s >= connection.deadline_s:
                self._close(connection)

    def _accept(self) -> None:
        now_s = time.monotonic()
        if now_s - self._accepts_since_s >= _ACCEPT_SPAN_S:
            self._accepts, self._accepts_since_s = 0, now_s
        self._accepts += 1
        if self._accepts > self._limits.accepts_per_s * _ACCEPT_SPAN_S:
            self._pause_accepting(self._accepts_since_s + _ACCEPT_SPAN_S)
            return
        try:
            client, address = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # no descriptor: the clients that wait in the kernel's queue are served later
            self._pause_accepting(now_s + _ACCEPT_PAUSE_S)
            self._evict(self._connections.values())
            return
        client.setblocking(False)
        peer = address[0].removeprefix("::ffff:")  # IPv4 on a socket that listens to both
        connection = _Connection(client, peer, now_s + self._limits.head_s)
        same = [other for other in self._connections.values() if other.key == connection.key]
        has_room = True
        if len(same) >= self._limits.per_address:
            has_room = self._evict(same)
        elif len(self._connections) >= self._limits.connections:
            has_room = self._evict(self._connections.values())
        self._connections[client.fileno()] = connection
        self._selector.register(client, selectors.EVENT_READ, connection)
        if not has_room:
            self._answer(connection, Response(503, b"busy\n"))

    def _pause_accepting(self, until_s: float) -> None:
        self._selector.unregister(self._listener)
        self._accept_again_s = until_s

    def _evict(self, connections: Iterable[_Connection]) -> bool:
        """Close the connection that has kept us waiting for longest; False if all are being answered."""
        oldest = next((connection for connection in connections if connection.is_waited_for), None)
        if oldest is not None:
            self._close(oldest)
        return oldest is not None

    def _serve(self, connection: _Connection) -> None:
        try:
            if connection.unsent:
                self._send(connection)
            else:
                self._receive(connection)
        except OSError:
            self._close(connection)
        except Exception:  # noqa: BLE001  no request may end the page
            _log.debug("page", exc_info=True)
            self._close(connection)

    def _receive(self, connection: _Connection) -> None:
        content = connection.client.recv(self._limits.head_bytes)
        if not content:
            self._close(connection)
        elif not connection.is_answered:
            connection.received += content
            head, end, _ = connection.received.partition(_END_OF_HEAD)
            if len(head) + len(end) > self._limits.head_bytes:
                self._answer(connection, Response(431, _REFUSALS[431]))
            elif end:
                response, with_body = self._response(bytes(head), connection.address)
                self._answer(connection, response, with_body=with_body)

    def _response(self, head: bytes, address: str) -> tuple[Response, bool]:
        """Return the response to a request, and whether its body is to be sent."""
        try:
            request = parse_head(head, address)
        except BadRequestError as err:
            return Response(400, str(err).encode() + b"\n"), True
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"only GET\n", headers={"Allow": "GET, HEAD"}), True
        try:
            return self._respond(request), request.method == "GET"
        except Exception:  # noqa: BLE001  whatever it is, inspection must go on
            _log.debug("page: %s", request.path, exc_info=True)
            return Response(500, b"failed; see the log at --log-level debug\n"), True

    def _answer(self, connection: _Connection, response: Response, *, with_body: bool = True) -> None:
        headers = {
            **self._headers,
            **response.headers,
            "Content-Type": response.kind,
            "Content-Length": str(len(response.body)),
            "Connection": "close",
        }
        head = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        content = f"{head}\r\n".encode("latin-1") + (response.body if with_body else b"")
        connection.unsent = memoryview(content)
        connection.is_answered = True
        connection.deadline_s = time.monotonic() + self._limits.response_s
        self._selector.modify(connection.client, selectors.EVENT_WRITE, connection)

    def _send(self, connection: _Connection) -> None:
        sent = connection.client.send(connection.unsent)
        connection.unsent = connection.unsent[sent:]
        if not connection.unsent:
            connection.client.shutdown(socket.SHUT_WR)
            connection.deadline_s = time.monotonic() + _LINGER_S
            self._selector.modify(connection.client, selectors.EVENT_READ, connection)

    def _close(self, connection: _Connection) -> None:
        self._connections.pop(connection.client.fileno(), None)
        self._selector.unregister(connection.client)
        connection.client.close()
