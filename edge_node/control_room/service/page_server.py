"""Serve a control room's page on its socket until SIGTERM, and what runs beside it in the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import time
from typing import TYPE_CHECKING

import uvicorn

from edge_node.control_room.connections.bounded_listener import BoundedListener, count_allowed_connections
from edge_node.control_room.connections.bounded_protocol import MAX_HEAD_BYTES, BoundedProtocol
from edge_node.control_room.connections.connection_book import ConnectionBook, ConnectionLimits
from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.people.logins import check_logins
from edge_node.control_room.people.proxy_headers import TrustedProxies
from edge_node.control_room.service.check import check_certificate
from edge_node.control_room.settings import check_secrets, exposed_secrets
from edge_node.control_room.web.routes.application import build_application
from edge_node.errors import ConfigError
from edge_node.monitoring.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from edge_node.control_room.sections import WebConfig
    from edge_node.control_room.settings import RoomSettings
    from edge_node.control_room.web.event_stream import EventBroadcaster
    from edge_node.control_room.web.services import Services

_LOGINS_S = 1.0  # interval between looks at whose login has ended
_ROBOTS_S = 0.5  # interval between events about changed robots
_GRACE_S = 2  # for open requests at shutdown
_GAPS = 100
_DEADLINES_S = 0.5  # interval at which connections that are too slow are looked for

_log = logging.getLogger(__name__)


def run_page(
    services: Services,
    book: ConnectionBook,
    listening: BoundedListener,
    start: Callable[[], None],
    ready: Callable[[str], None],
) -> None:
    """Serve the page until SIGTERM or SIGINT.

    Args:
        services: of the room.
        book: of the page's connections.
        listening: the page's bound socket.
        start: called once signals are handled, before the page answers.
        ready: called with the page's address.
    """
    listening.count_in(book)
    server = _UvicornServer(_build_uvicorn_config(services, book), services.events)
    with handle_signals(server):
        start()
        url = _url(services.settings, listening)
        _log.info("the page is at %s", url)
        Notifier().ready()
        ready(url)
        server.run(sockets=[listening])
        Notifier().stopping()


def check_page(settings: RoomSettings) -> None:
    """Check certificate, secrets and logins before the page is served, and warn of secrets that others read.

    Raises:
        ConfigError: one of them cannot be used.
    """
    check_certificate(settings.web)
    check_secrets(settings)
    check_logins(settings)
    for sentence in exposed_secrets(settings):
        _log.warning("%s", sentence)


def bind(settings: RoomSettings) -> BoundedListener:
    """Return a bound socket, so that a port in use is reported in one sentence before anything starts.

    Raises:
        ConfigError: the port cannot be bound.
    """
    web = settings.web
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    listening = BoundedListener(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((web.host, web.port))
    except OSError as err:
        listening.close()
        raise ConfigError(
            f"[web] port = {web.port} on {web.host}: {err.strerror or err}; choose another port"
        ) from err
    return listening


def open_book(web: WebConfig) -> ConnectionBook:
    """Return the book of the page's connections."""
    connections = count_allowed_connections(web.max_connections)
    per_address = min(web.max_connections_per_address, connections)
    return ConnectionBook(
        ConnectionLimits(connections, per_address), TrustedProxies(web.trusted_proxies).is_trusted
    )


@contextlib.contextmanager
def handle_signals(server: uvicorn.Server) -> Iterator[None]:
    """Stop the server on SIGTERM and SIGINT; restore the previous handlers at the end."""

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _UvicornServer(uvicorn.Server):
    """Uvicorn without its own signal handlers, which ends event streams before it waits for requests."""

    def __init__(self, config: uvicorn.Config, events: EventBroadcaster) -> None:
        super().__init__(config)
        self._events = events

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handlers: ``serve`` does."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams, which would never end by themselves, and shut down."""
        self._events.close()
        await super().shutdown(sockets)


async def _send_robots(services: Services) -> None:
    """Send the state of changed robots to all pages, at most twice a second."""
    gaps_sent: object = None
    while True:
        await asyncio.sleep(_ROBOTS_S)
        changed = services.events.take_changed_robots()
        if not changed:
            continue
        try:
            records = await asyncio.to_thread(services.history.robots)
            gaps = await asyncio.to_thread(services.history.gaps, limit=_GAPS)
        except HistoryError as err:
            _log.warning("%s", err)
            continue
        news = [record for record in records if (record.site, record.robot) in changed]
        services.events.send_robots(news, gaps if gaps != gaps_sent else None)
        services.events.send_gone(changed - {(record.site, record.robot) for record in records})
        gaps_sent = gaps


async def _end_streams(services: Services) -> None:
    """End the event streams of users who are gone, or whose role or password is another, within a second."""
    while True:
        await asyncio.sleep(_LOGINS_S)
        await asyncio.to_thread(services.events.end_invalid)


@contextlib.asynccontextmanager
async def _lifespan(services: Services, book: ConnectionBook) -> AsyncIterator[None]:
    works = (
        _send_robots(services),
        _end_streams(services),
        _end_slow_connections(book),
        services.jobs.run(),
        _notify_watchdog(services),
    )
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _notify_watchdog(services: Services) -> None:
    """Tell systemd that the event loop and the ingest's thread run, where the unit sets ``WatchdogSec``."""
    notifier = Notifier()
    interval_s = notifier.watchdog_interval_s
    while interval_s is not None and services.ingest.is_alive:
        notifier.watchdog()
        await asyncio.sleep(interval_s)


async def _end_slow_connections(book: ConnectionBook) -> None:
    while True:
        await asyncio.sleep(_DEADLINES_S)
        book.end_overdue(time.monotonic())


def _build_uvicorn_config(services: Services, book: ConnectionBook) -> uvicorn.Config:
    web = services.settings.web
    app = build_application(services, lambda _app: _lifespan(services, book))
    config = uvicorn.Config(
        app,
        loop="asyncio",  # its sockets are counted; another loop would take them by their descriptors
        http=functools.partial(BoundedProtocol, book=book),  # type: ignore[arg-type]  # made as a class is
        ws="none",
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        log_level="error",  # what strangers send must not fill the log
        access_log=False,  # paths name robots and findings; a reverse proxy can log requests
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=web.tls_cert_file,
        ssl_keyfile=web.tls_key_file,
    )
    try:
        config.load()
    except OSError as err:  # also if the file holds no certificate
        raise ConfigError(f"[web] tls_cert_file, tls_key_file: {err.strerror or err}") from err
    return config


def _url(settings: RoomSettings, listening: socket.socket) -> str:
    host = settings.web.host
    scheme = "https" if settings.web.tls_cert_file else "http"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{listening.getsockname()[1]}/"
