"""Run one member of a room's ingest: it stores its share of what robots send, until SIGTERM.

Any of the members does the upkeep of the room beside it: the states of robots, receipts, trimming, alerts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.control_room.alerts.apprise_sender import open_sender
from edge_node.control_room.history.processes.changes import (
    ChangeReader,
    Changes,
    insert_changes,
    trim_changes,
)
from edge_node.control_room.history.processes.roll import RoomProcess
from edge_node.control_room.history.recovery.room_lock import RoomLock
from edge_node.control_room.ingest import subscription
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.ingest.readiness import Readiness
from edge_node.control_room.ingest.trimming import open_room_floor
from edge_node.control_room.metrics.room_metrics import RoomMetrics
from edge_node.control_room.metrics.snapshot import RoomSnapshot, Sources
from edge_node.control_room.service.drawing_files import read_drawing_files
from edge_node.control_room.service.opening import open_history
from edge_node.control_room.service.probe_server import serve_probes
from edge_node.control_room.service.robot_desks import load_key, open_review_sender
from edge_node.control_room.service.room_watch import RoomWatch
from edge_node.control_room.service.shared_room import check_shared
from edge_node.control_room.settings import check_secrets, exposed_secrets
from edge_node.control_room.sharing.bell import Bell
from edge_node.control_room.sharing.change_notes import note_arrivals
from edge_node.control_room.sharing.member_lock import MemberLock, refuse_member_elsewhere
from edge_node.control_room.sharing.room_claim import refuse_beside_room
from edge_node.control_room.sharing.shared_receipts import SharedReceipts
from edge_node.control_room.sharing.upkeep import Upkeep
from edge_node.control_room.web.services import Probed
from edge_node.errors import CorrosionError
from edge_node.monitoring.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_node.clock_floor import ClockFloor
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.ingest.ingest import Commit
    from edge_node.control_room.robots.review_sender import ReviewSender
    from edge_node.control_room.settings import RoomSettings

DRAIN_S = 600.0  # a session of a million messages
_STOP_S = 10.0
_TRIM_NOTES_S = 60.0
_LOOK_S = 1.0  # between looks for new findings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """Which member of which group a process is."""

    group: str
    number: int

    @property
    def name(self) -> str:
        """The process's name."""
        return f"ingest-{self.number}"


def serve_ingest(
    settings: RoomSettings,
    member: Member,
    *,
    probe_port: int | None = None,
    ready: Callable[[str], None] = lambda _text: None,
) -> None:
    """Store one member's share until SIGTERM or SIGINT; call ``ready`` with its client id.

    Raises:
        ConfigError: a file cannot be read, a port cannot be bound, or the room's database is for one process.
        CorrosionError: this member runs already, or the history cannot be opened.
    """
    folder = _check(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(RoomLock(folder, is_shared=True))
        stack.enter_context(MemberLock(folder, member.group, member.number))
        floor = stack.enter_context(open_room_floor(folder))
        history = open_history(settings.room)
        stack.callback(history.close)
        refuse_beside_room(history.database)
        refuse_member_elsewhere(history.database, member.name, socket.gethostname())
        bell = Bell(history.database)
        readiness, metrics = Readiness(folder, history), RoomMetrics()

        def stored(arrivals: Sequence[Arrival]) -> None:
            metrics.note_arrivals(arrivals)
            bell.ring()

        def committed(commit: Commit) -> None:
            readiness.note_commit(commit)
            metrics.note_commit(commit)

        part = subscription.member(
            *(settings, folder, member.group, member.number),
            in_transaction=lambda arrivals: note_arrivals(history.database, arrivals),
        )
        ingest = Ingest(
            *(settings, history, folder, stored),
            on_commit=committed,
            floor=floor,
            part=part,
        )
        upkeep = _make_upkeep(settings, member, history, ingest, bell, floor)
        sources = Sources(
            settings.room, history, ingest, tells_history=lambda: upkeep.is_ours, process=member.name
        )
        metrics.add_snapshot(RoomSnapshot(sources))
        if probe_port is not None:
            stack.enter_context(serve_probes(Probed(ingest, readiness, metrics), probe_port))
        stopping = stack.enter_context(handle_stop())
        bell.start()
        stack.callback(bell.stop)
        ingest.start()
        stack.callback(ingest.stop, _STOP_S)
        upkeep.start()
        stack.callback(upkeep.stop)
        ready(part.identity.client_id)
        _run(ingest, stopping)


def drain(settings: RoomSettings, member: Member | None, timeout_s: float = DRAIN_S) -> bool:
    """Store what waits at the broker for a member that leaves, and end its session; False if not all in time.

    Args:
        settings: of the room.
        member: that leaves; None: the room of one process, before others take over its work.
        timeout_s: to give up after; the session stays then.

    Raises:
        ConfigError: a file cannot be read, or the room's database is for one process.
        CorrosionError: this member runs, or the history cannot be opened.
    """
    folder = _check(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(RoomLock(folder, is_shared=member is not None))
        if member is not None:
            stack.enter_context(MemberLock(folder, member.group, member.number))
        history = open_history(settings.room)
        stack.callback(history.close)
        if member is None:
            part = subscription.whole_room(settings, history, folder)
        else:
            part = subscription.member(
                *(settings, folder, member.group, member.number),
                in_transaction=lambda arrivals: note_arrivals(history.database, arrivals),
            )
        return Ingest(settings, history, folder, part=part).drain(timeout_s)


@contextlib.contextmanager
def handle_stop() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; restore the previous handlers at the end."""
    stopping = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in numbers}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class RoomDuties:
    """What one process does for its room until ``stop``: states, receipts, bounds, defects, alerts."""

    def __init__(
        self,
        settings: RoomSettings,
        group: str,
        check: Callable[[Database], None],
        bell: Bell,
        floor: ClockFloor,
    ) -> None:
        """Begin, by a history of its own whose transactions ``check`` first.

        Raises:
            CorrosionError: the history cannot be opened, or a file cannot be read.
        """
        folder = Path(settings.room.state_dir)
        self._history = open_history(settings.room)
        database = self._history.database
        try:
            database.set_guard(lambda: check(database))
            receipts = SharedReceipts(settings.room, self._history) if settings.room.receipts_as else None
            part = subscription.upkeep(
                *(settings, folder, group, receipts), lambda arrivals: note_arrivals(database, arrivals)
            )
            self._ingest = Ingest(
                settings, self._history, folder, lambda _arrivals: bell.ring(), floor=floor, part=part
            )
            self._reviews = _open_reviews(settings, self._ingest, self._history, self._tell_reviewed)
            self._watch = RoomWatch(
                *(settings, self._history, open_sender(settings.alerts), floor),
                describe_outage=lambda: self._ingest.link.outage,
                on_defects=self._tell_defects,
            )
            with self._history.transaction():  # while others store
                self._ingest.check_stored()
        except BaseException:
            self._history.close()
            raise
        self._bell = bell
        self._ended = threading.Event()
        self._reader = ChangeReader(database)
        self._following = threading.Thread(target=self._follow_notes, name="notes", daemon=True)
        self._ingest.start()
        self._watch.start()
        if self._reviews is not None:
            self._reviews.start()
        self._following.start()

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self._watch.stop()
        self._ingest.stop(_STOP_S)
        self._following.join(_STOP_S)
        if self._reviews is not None:
            self._reviews.stop()
        self._history.close()

    def _follow_notes(self) -> None:
        """Have defects looked for and reviews sent that any process stored, and delete old notes."""
        trimmed_s = time.monotonic()
        while not self._ended.wait(_LOOK_S):
            try:
                changes = self._reader.read()
                if any(one.findings for one in changes):
                    self._watch.note_findings()
                if self._reviews is not None and any(one.reviewed or one.is_much for one in changes):
                    self._reviews.note_review()
                if time.monotonic() - trimmed_s >= _TRIM_NOTES_S:
                    trimmed_s = time.monotonic()
                    trim_changes(self._history.database)
            except CorrosionError as err:
                _log.warning("%s", err)

    def _tell_defects(self, keys: set[int]) -> None:
        self._tell(Changes(defects=tuple(sorted(keys))))

    def _tell_reviewed(self, subject: str, site: str) -> None:
        self._tell(Changes(reviewed=((site, subject),)))

    def _tell(self, changes: Changes) -> None:
        with self._history.database.transaction(robots=()):
            insert_changes(self._history.database, changes)
        self._bell.ring()


def _open_reviews(
    settings: RoomSettings, ingest: Ingest, history: History, on_answered: Callable[[str, str], None]
) -> ReviewSender | None:
    """Return what sends to robots the reviews that web processes store; None where nothing may be sent."""
    if not settings.commands.enabled:
        return None
    return open_review_sender(settings, ingest.endpoint(), history, on_answered)


def _make_upkeep(  # noqa: PLR0913, PLR0917  each is a part
    settings: RoomSettings, member: Member, history: History, ingest: Ingest, bell: Bell, floor: ClockFloor
) -> Upkeep:
    place = f"{socket.gethostname()}:{os.getpid()}"

    def describe() -> RoomProcess:
        link = ingest.link
        return RoomProcess(member.name, place, link.state.value, link.since, link.text)

    holder = f"{member.group}-{member.number} {place} {secrets.token_hex(4)}"
    return Upkeep(
        history.database,
        holder,
        lambda check: RoomDuties(settings, member.group, check, bell, floor),
        describe,
    )


def _check(settings: RoomSettings) -> Path:
    """Raise ConfigError unless several processes may share the room; return its state folder."""
    check_secrets(settings)
    check_shared(settings)
    open_sender(settings.alerts)  # any member may come to send, and to store drawings
    read_drawing_files(settings.drawings)
    if settings.commands.enabled:
        load_key(settings)
    for sentence in exposed_secrets(settings):
        _log.warning("%s", sentence)
    if settings.room.receipts_as is None:
        _log.warning(
            "[room] receipts_as is not given: what a broker forgets when it is restarted is lost, as robots"
            " do not send it again"
        )
    return Path(settings.room.state_dir)


def _run(ingest: Ingest, stopping: threading.Event) -> None:
    """Wait for the end, and tell systemd meanwhile that the ingest runs."""
    notifier = Notifier()
    notifier.ready()
    interval_s = notifier.watchdog_interval_s
    while not stopping.wait(interval_s or _STOP_S):
        if not ingest.is_alive:
            raise CorrosionError("the ingest has ended; the log says why")
        if interval_s is not None:
            notifier.watchdog()
    notifier.stopping()
