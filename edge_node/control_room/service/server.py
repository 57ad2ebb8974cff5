"""Run ingest, history and page as one process until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.ingest.trimming import open_room_floor
from edge_node.control_room.people.audit import Audit
from edge_node.control_room.people.logins import Logins, check_logins
from edge_node.control_room.robots.review_service import ReviewService
from edge_node.control_room.service.check import check_certificate
from edge_node.control_room.settings import check_secrets, exposed_secrets
from edge_node.control_room.web.application import build_application
from edge_node.control_room.web.event_stream import EventBroadcaster
from edge_node.control_room.web.services import Services
from edge_node.errors import ConfigError
from edge_node.monitoring.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from edge_node.control_room.settings import RoomSettings

_LOGINS_S = 1.0  # interval between looks at whose login has ended
_ROBOTS_S = 0.5  # interval between events about changed robots
_GRACE_S = 2  # for open requests at shutdown
_GAPS = 100

_log = logging.getLogger(__name__)


def serve(settings: RoomSettings, ready: Callable[[str], None] = lambda _url: None) -> None:
    """Run a control room until SIGTERM or SIGINT; call ``ready`` with the page's address.

    Raises:
        ConfigError: a file cannot be read, or the port cannot be bound.
        HistoryError: the history cannot be opened.
    """
    check_certificate(settings.web)
    check_secrets(settings)
    check_logins(settings)
    for sentence in exposed_secrets(settings):
        _log.warning("%s", sentence)
    folder = Path(settings.room.state_dir)
    floor = open_room_floor(folder)
    listening = _bind(settings)
    with contextlib.ExitStack() as stack:
        stack.callback(listening.close)
        history = History(folder)
        stack.callback(history.close)
        audit = Audit(history)
        logins = Logins(settings, audit, floor.now_s)
        stack.callback(logins.close)
        events = EventBroadcaster()
        ingest = Ingest(settings, history, folder, events.send_arrivals, events.send_link, floor=floor)
        reviews = None
        if settings.commands.enabled:
            reviews = ReviewService(settings.commands, ingest.endpoint(), history, events.send_reviewed)
            stack.callback(reviews.close)
        services = Services(settings, history, events, ingest, logins, audit, reviews)
        server = _UvicornServer(_build_uvicorn_config(services), events)
        stack.enter_context(_handle_signals(server))
        stack.callback(ingest.stop)
        ingest.start()
        url = _url(settings, listening)
        _log.info("page at %s", url)
        Notifier().ready()
        ready(url)
        server.run(sockets=[listening])
        Notifier().stopping()


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
async def _lifespan(services: Services) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_send_robots(services)), asyncio.create_task(_end_streams(services))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def _build_uvicorn_config(services: Services) -> uvicorn.Config:
    web = services.settings.web
    app = build_application(services, lambda _app: _lifespan(services))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # paths name robots and findings; a reverse proxy can log requests
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=256,
        ssl_certfile=web.tls_cert_file,
        ssl_keyfile=web.tls_key_file,
    )
    try:
        config.load()
    except OSError as err:  # also if the file holds no certificate
        raise ConfigError(f"[web] tls_cert_file, tls_key_file: {err.strerror or err}") from err
    return config


@contextlib.contextmanager
def _handle_signals(server: _UvicornServer) -> Iterator[None]:
    """Stop the server on SIGTERM and SIGINT; restore the previous handlers at the end."""

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bind(settings: RoomSettings) -> socket.socket:
    """Return a bound socket, so that a port in use is reported in one sentence before anything starts."""
    web = settings.web
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((web.host, web.port))
    except OSError as err:
        listening.close()
        raise ConfigError(
            f"[web] port = {web.port} on {web.host}: {err.strerror or err}; choose another port"
        ) from err
    return listening


def _url(settings: RoomSettings, listening: socket.socket) -> str:
    host = settings.web.host
    scheme = "https" if settings.web.tls_cert_file else "http"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{listening.getsockname()[1]}/"
