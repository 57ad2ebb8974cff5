"""Run ingest, history and page as one process until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import uvicorn

from edge_node.control_room.alerts.alert_desk import AlertDesk
from edge_node.control_room.alerts.alert_service import AlertService
from edge_node.control_room.alerts.apprise_sender import AppriseSender
from edge_node.control_room.alerts.channels import read_channels
from edge_node.control_room.connections.bounded_listener import BoundedListener, count_allowed_connections
from edge_node.control_room.connections.bounded_protocol import MAX_HEAD_BYTES, BoundedProtocol
from edge_node.control_room.connections.connection_book import ConnectionBook, ConnectionLimits
from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.defects.keeper import DefectKeeper
from edge_node.control_room.history.recovery.room_lock import RoomLock
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.ingest.readiness import Readiness
from edge_node.control_room.ingest.trimming import open_room_floor
from edge_node.control_room.long_work.job_order import ReportDefaults
from edge_node.control_room.long_work.job_queue import JobQueue
from edge_node.control_room.metrics.room_metrics import RoomMetrics
from edge_node.control_room.metrics.snapshot import RoomSnapshot, Sources
from edge_node.control_room.people.audit import Audit
from edge_node.control_room.people.logins import Logins, check_logins
from edge_node.control_room.people.proxy_headers import TrustedProxies
from edge_node.control_room.robots.bundle_shelf import BundleShelf
from edge_node.control_room.robots.command_desk import CommandDesk
from edge_node.control_room.robots.review_service import ReviewService
from edge_node.control_room.robots.update_desk import UpdateDesk
from edge_node.control_room.service.check import check_certificate
from edge_node.control_room.service.drawing_files import keep_drawing_files, read_drawing_files
from edge_node.control_room.service.opening import find_place, open_history
from edge_node.control_room.settings import check_secrets, exposed_secrets
from edge_node.control_room.web.event_stream import EventBroadcaster
from edge_node.control_room.web.routes.application import build_application
from edge_node.control_room.web.services import Services
from edge_node.errors import ConfigError
from edge_node.messages.finding import Finding
from edge_node.messages.status import LinkState
from edge_node.monitoring.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.ingest.ingest import Link
    from edge_node.control_room.sections import WebConfig
    from edge_node.control_room.settings import RoomSettings

_LOGINS_S = 1.0  # interval between looks at whose login has ended
_ROBOTS_S = 0.5  # interval between events about changed robots
_GRACE_S = 2  # for open requests at shutdown
_GAPS = 100
_DEADLINES_S = 0.5  # interval at which connections that are too slow are looked for

_log = logging.getLogger(__name__)
_Told = TypeVar("_Told")


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
    drawings = read_drawing_files(settings.drawings)
    folder = Path(settings.room.state_dir)
    sender = AppriseSender(read_channels(settings.alerts), settings.alerts.page_url or "")
    listening = _bind(settings)
    with contextlib.ExitStack() as stack:
        stack.callback(listening.close)
        stack.enter_context(RoomLock(folder))
        floor = open_room_floor(folder)
        history = open_history(settings.room)
        stack.callback(history.close)
        keep_drawing_files(drawings, history.database)
        audit = Audit(history)
        logins = Logins(settings, audit, floor.now_s)
        stack.callback(logins.close)
        events = EventBroadcaster()
        readiness, metrics = Readiness(folder, history), RoomMetrics()
        defects = DefectKeeper(history.database, events.send_defects)
        ingest = Ingest(
            settings,
            history,
            folder,
            _each(events.send_arrivals, metrics.note_arrivals, _wake_on_findings(defects)),
            events.send_link,
            on_commit=_each(readiness.note_commit, metrics.note_commit),
            floor=floor,
        )
        reviews, commands, updates = None, None, None
        if settings.commands.enabled:
            reviews = ReviewService(settings.commands, ingest.endpoint(), history, events.send_reviewed)
            stack.callback(reviews.close)
            commands = CommandDesk(settings.commands, ingest.endpoint(), history, events.send_command)
            shelf = BundleShelf(settings.commands.bundles_dir, folder / "bundles")
            updates = UpdateDesk(commands, shelf)
            stack.callback(updates.close)
        jobs = JobQueue(folder, place=find_place(settings.room), defaults=ReportDefaults.of(settings))
        book = _open_book(settings.web)
        desk = AlertDesk(settings, history.database, sender, lambda: floor.read().label)
        services = Services(
            *(settings, history, events, ingest, logins, audit, jobs, readiness, metrics, reviews, desk),
            commands=commands,
            updates=updates,
        )
        sources = Sources(settings.room, history, ingest, jobs, book, events.__len__, desk)
        metrics.add_snapshot(RoomSnapshot(sources))
        listening.count_in(book)
        server = _UvicornServer(_build_uvicorn_config(services, book), events)
        stack.enter_context(_handle_signals(server))
        stack.callback(defects.stop)
        stack.callback(ingest.stop)
        ingest.check_stored()
        defects.start()
        ingest.start()
        alerts = AlertService(
            *(settings, history, sender, lambda: floor.read().label), lambda: _describe_link(ingest.link)
        )
        stack.callback(alerts.stop)
        alerts.start()
        url = _url(settings, listening)
        _log.info("page at %s", url)
        Notifier().ready()
        ready(url)
        server.run(sockets=[listening])
        Notifier().stopping()


def _describe_link(link: Link) -> str:
    """Say in an alert on silent robots that this room hears none; "" if it does."""
    if link.state is LinkState.CONNECTED:
        return ""
    return f"This control room has no connection to the broker ({link.text or link.state.value})."


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


def _each(*callbacks: Callable[[_Told], None]) -> Callable[[_Told], None]:
    """Return a callback that calls each of these."""

    def call(told: _Told) -> None:
        for callback in callbacks:
            callback(told)

    return call


def _wake_on_findings(defects: DefectKeeper) -> Callable[[Sequence[Arrival]], None]:
    """Return a callback that has the defects of stored findings looked for."""

    def call(arrivals: Sequence[Arrival]) -> None:
        if any(isinstance(arrival.message, Finding) and arrival.is_news for arrival in arrivals):
            defects.note_findings()

    return call


def _open_book(web: WebConfig) -> ConnectionBook:
    connections = count_allowed_connections(web.max_connections)
    per_address = min(web.max_connections_per_address, connections)
    return ConnectionBook(
        ConnectionLimits(connections, per_address), TrustedProxies(web.trusted_proxies).is_trusted
    )


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


def _bind(settings: RoomSettings) -> BoundedListener:
    """Return a bound socket, so that a port in use is reported in one sentence before anything starts."""
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


def _url(settings: RoomSettings, listening: socket.socket) -> str:
    host = settings.web.host
    scheme = "https" if settings.web.tls_cert_file else "http"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{listening.getsockname()[1]}/"
