"""Run ingest, history and page as one process until SIGTERM."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge_node.control_room.alerts.alert_desk import AlertDesk
from edge_node.control_room.alerts.apprise_sender import open_sender
from edge_node.control_room.history.recovery.room_lock import RoomLock
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.ingest.readiness import Readiness
from edge_node.control_room.ingest.trimming import open_room_floor
from edge_node.control_room.long_work.job_order import ReportDefaults
from edge_node.control_room.long_work.job_queue import JobQueue
from edge_node.control_room.metrics.room_metrics import RoomMetrics
from edge_node.control_room.metrics.snapshot import RoomSnapshot, Sources
from edge_node.control_room.people.audit import Audit
from edge_node.control_room.people.logins import Logins
from edge_node.control_room.service.opening import find_place, open_history
from edge_node.control_room.service.page_server import bind, check_page, open_book, run_page
from edge_node.control_room.service.robot_desks import open_desks
from edge_node.control_room.service.room_watch import RoomWatch
from edge_node.control_room.sharing.room_claim import RoomClaim
from edge_node.control_room.web.event_stream import EventBroadcaster
from edge_node.control_room.web.services import Services
from edge_node.messages.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.settings import RoomSettings

_log = logging.getLogger(__name__)
_Told = TypeVar("_Told")


def serve(settings: RoomSettings, ready: Callable[[str], None] = lambda _url: None) -> None:
    """Run a control room until SIGTERM or SIGINT; call ``ready`` with the page's address.

    Raises:
        ConfigError: a file cannot be read, or the port cannot be bound.
        HistoryError: the history cannot be opened.
        CorrosionError: another process of the room works on its state folder or its database.
    """
    check_page(settings)
    sender = open_sender(settings.alerts)
    folder = Path(settings.room.state_dir)
    listening = bind(settings)
    with contextlib.ExitStack() as stack:
        stack.callback(listening.close)
        stack.enter_context(RoomLock(folder))
        floor = open_room_floor(folder)
        history = open_history(settings.room)
        stack.callback(history.close)
        claim = None
        if history.database.is_shared:
            claim = stack.enter_context(RoomClaim(history.database, folder))
        audit = Audit(history)
        logins = Logins(settings, audit, floor.now_s)
        stack.callback(logins.close)
        events = EventBroadcaster()
        readiness, metrics = Readiness(folder, history), RoomMetrics()
        watch = RoomWatch(
            *(settings, history, sender, floor),
            describe_outage=lambda: ingest.link.outage,
            on_defects=events.send_defects,
        )
        ingest = Ingest(
            *(settings, history, folder),
            _each(events.send_arrivals, metrics.note_arrivals, _wake_on_findings(watch)),
            events.send_link,
            on_commit=_each(readiness.note_commit, metrics.note_commit),
            floor=floor,
        )
        desks = stack.enter_context(
            open_desks(settings, ingest.endpoint(), history, events.send_reviewed, events.send_command)
        )
        jobs = JobQueue(folder, place=find_place(settings.room), defaults=ReportDefaults.of(settings))
        book = open_book(settings.web)
        desk = AlertDesk(settings, history.database, sender, lambda: floor.read().label)
        services = Services(
            *(settings, history, events, ingest, logins, audit, jobs, readiness, metrics), *desks, alerts=desk
        )
        sources = Sources(settings.room, history, ingest, jobs, book, events.__len__, desk)
        metrics.add_snapshot(RoomSnapshot(sources))
        stack.callback(watch.stop)
        stack.callback(ingest.stop)

        def start() -> None:
            ingest.check_stored()
            ingest.start()
            watch.start()

        run_page(services, book, listening, start, ready)
        if claim is not None:
            claim.check()


def _each(*callbacks: Callable[[_Told], None]) -> Callable[[_Told], None]:
    """Return a callback that calls each of these."""

    def call(told: _Told) -> None:
        for callback in callbacks:
            callback(told)

    return call


def _wake_on_findings(watch: RoomWatch) -> Callable[[Sequence[Arrival]], None]:
    """Return a callback that has the defects of stored findings looked for."""

    def call(arrivals: Sequence[Arrival]) -> None:
        if any(isinstance(arrival.message, Finding) and arrival.is_news for arrival in arrivals):
            watch.note_findings()

    return call
