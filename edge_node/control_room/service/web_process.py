"""Serve a room's page in one of several processes, behind a proxy, until SIGTERM; others store messages."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.alerts.alert_desk import AlertDesk
from edge_node.control_room.alerts.apprise_sender import open_sender
from edge_node.control_room.history.processes.changes import Changes, insert_changes
from edge_node.control_room.history.recovery.room_lock import RoomLock
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
from edge_node.control_room.service.shared_room import check_shared
from edge_node.control_room.sharing.bell import Bell
from edge_node.control_room.sharing.followed_link import FollowedLink
from edge_node.control_room.sharing.room_claim import refuse_beside_room
from edge_node.control_room.web.change_follower import ChangeFollower
from edge_node.control_room.web.event_stream import EventBroadcaster
from edge_node.control_room.web.services import Services
from edge_node.errors import CorrosionError
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.history import History
    from edge_node.control_room.settings import RoomSettings
    from edge_node.mqtt.types import Endpoint

_log = logging.getLogger(__name__)


def serve_web(settings: RoomSettings, ready: Callable[[str], None] = lambda _url: None) -> None:
    """Serve the page until SIGTERM or SIGINT; call ``ready`` with its address.

    Raises:
        ConfigError: a file cannot be read, the port cannot be bound, or the database is for one process.
        HistoryError: the history cannot be opened.
    """
    check_page(settings)
    check_shared(settings)
    folder = Path(settings.room.state_dir)
    sender = open_sender(settings.alerts)
    listening = bind(settings)
    with contextlib.ExitStack() as stack:
        stack.callback(listening.close)
        stack.enter_context(RoomLock(folder, is_shared=True))
        floor = stack.enter_context(open_room_floor(folder))
        history = open_history(settings.room)
        stack.callback(history.close)
        refuse_beside_room(history.database)  # which tells no other process what it stores
        bell, events = Bell(history.database), EventBroadcaster()
        audit = Audit(history)
        logins = Logins(settings, audit, floor.now_s, history.database)
        stack.callback(logins.close)
        told = _Told(history, events, bell)
        desks = stack.enter_context(
            open_desks(
                *(settings, _endpoint(settings), history, told.reviewed, told.commanded), sends_reviews=False
            )
        )
        follower = ChangeFollower(history, events, lambda: link.look())  # noqa: PLW0108  made below
        link = FollowedLink(history.database, lambda: follower.is_alive, events.send_link)
        name = f"web-{os.getpid()}-{secrets.token_hex(2)}"
        defaults = ReportDefaults.of(settings)
        jobs = JobQueue(folder, name=name, place=find_place(settings.room), defaults=defaults)
        book = open_book(settings.web)
        desk = AlertDesk(settings, history.database, sender, lambda: floor.read().label)
        readiness, metrics = Readiness(folder, history, stores=False), RoomMetrics()
        services = Services(
            *(settings, history, events, link, logins, audit, jobs, readiness, metrics), *desks, alerts=desk
        )
        sources = Sources(
            *(settings.room, history, None, jobs, book, events.__len__, desk),
            tells_history=lambda: False,
            process=name,
        )
        metrics.add_snapshot(RoomSnapshot(sources))
        stack.callback(bell.stop)
        stack.callback(follower.stop)

        def start() -> None:
            bell.start()
            follower.start()

        run_page(services, book, listening, start, ready)


def _endpoint(settings: RoomSettings) -> Endpoint:
    """Return where commands are sent; each opens a connection under this client id and a random end."""
    mqtt = settings.mqtt
    mqtt = msgspec.structs.replace(mqtt, client_id=f"{(mqtt.client_id or 'corrosion')[:20]}-web")
    return endpoint(mqtt, Topics("room", "room"))


class _Told:
    """Tells the pages of this process and of others what people did here."""

    def __init__(self, history: History, events: EventBroadcaster, bell: Bell) -> None:
        self._history = history
        self._events = events
        self._bell = bell

    def reviewed(self, subject: str, site: str) -> None:
        """Tell of a review."""
        self._events.send_reviewed(subject, site)
        self._note(Changes(reviewed=((site, subject),)))

    def commanded(self, site: str, robot: str) -> None:
        """Tell that something is known of a robot's commands."""
        self._events.send_command(site, robot)
        self._note(Changes(commands=((site, robot),)))

    def _note(self, changes: Changes) -> None:
        try:
            with self._history.database.transaction(robots=()):
                insert_changes(self._history.database, changes)
            self._bell.ring()
        except CorrosionError as err:
            _log.warning("%s; the pages of other processes show it later", err)
