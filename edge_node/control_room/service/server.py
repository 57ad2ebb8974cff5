"""One process: ingest, history, page; from the start to SIGTERM."""

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
from edge_node.control_room.robots.review_service import ReviewService
from edge_node.control_room.web.access import Logins
from edge_node.control_room.web.api import Room
from edge_node.control_room.web.application import application
from edge_node.control_room.web.event_stream import Hub
from edge_node.errors import ConfigError
from edge_node.monitoring.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from edge_node.control_room.settings import RoomSettings

_ROBOTS_S = 0.5  # how often changed robots are told
_GRACE_S = 2  # for open requests at the end
_GAPS = 100

_log = logging.getLogger(__name__)


def serve(settings: RoomSettings, ready: Callable[[str], None] = lambda _url: None) -> None:
    """Run a control room until SIGTERM or SIGINT; ``ready`` is called with the page's address.

    Raises:
        ConfigError: a file cannot be read, or the port cannot be bound.
        HistoryError: the history cannot be opened.
    """
    logins = Logins(settings.web)
    listening = _bound(settings)
    folder = Path(settings.room.state_dir)
    with contextlib.ExitStack() as stack:
        stack.callback(listening.close)
        history = History(folder)
        stack.callback(history.close)
        hub = Hub()
        ingest = Ingest(settings, history, folder, hub.arrived, hub.link_changed)
        desk = None
        if settings.commands.enabled:
            desk = ReviewService(settings.commands, ingest.endpoint(), history, hub.reviewed)
            stack.callback(desk.close)
        room = Room(settings, history, hub, ingest, desk)
        server = _Server(_uvicorn_config(settings, room, logins), hub)
        stack.enter_context(_signals(server))
        stack.callback(ingest.stop)
        ingest.start()
        url = _url(settings, listening)
        _log.info("page at %s", url)
        Notifier().ready()
        ready(url)
        server.run(sockets=[listening])
        Notifier().stopping()


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to us and ends event streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: ``serve`` has handlers of its own."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what would never end by itself."""
        self._hub.close()
        await super().shutdown(sockets)


async def _tell_robots(room: Room) -> None:
    """Tell browsers how robots do, some times a second and only if something changed."""
    gaps_told: object = None
    while True:
        await asyncio.sleep(_ROBOTS_S)
        changed = room.hub.changed_robots()
        if not changed:
            continue
        try:
            records = await asyncio.to_thread(room.history.robots)
            gaps = await asyncio.to_thread(room.history.gaps, limit=_GAPS)
        except HistoryError as err:
            _log.warning("%s", err)
            continue
        news = [record for record in records if (record.site, record.robot) in changed]
        room.hub.robots_changed(news, gaps if gaps != gaps_told else None)
        gaps_told = gaps


@contextlib.asynccontextmanager
async def _lifespan(room: Room) -> AsyncIterator[None]:
    task = asyncio.create_task(_tell_robots(room))
    try:
        yield
    finally:
        task.cancel()


def _uvicorn_config(settings: RoomSettings, room: Room, logins: Logins) -> uvicorn.Config:
    app = application(room, logins, lambda _app: _lifespan(room))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # paths name robots and findings; a proxy in front logs who asks
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=256,
        ssl_certfile=settings.web.tls_cert_file,
        ssl_keyfile=settings.web.tls_key_file,
    )
    try:
        config.load()
    except OSError as err:  # also what is no certificate
        raise ConfigError(f"[web] tls_cert_file, tls_key_file: {err.strerror or err}") from err
    return config


@contextlib.contextmanager
def _signals(server: _Server) -> Iterator[None]:
    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bound(settings: RoomSettings) -> socket.socket:
    """Return a listening socket, so that a port in use is told in one sentence."""
    web = settings.web
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((web.host, web.port))
    except OSError as err:
        listening.close()
        raise ConfigError(f"[web] {web.host}:{web.port}: {err.strerror or err}; choose another port") from err
    return listening


def _url(settings: RoomSettings, listening: socket.socket) -> str:
    host = settings.web.host
    scheme = "https" if settings.web.tls_cert_file else "http"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{listening.getsockname()[1]}/"
