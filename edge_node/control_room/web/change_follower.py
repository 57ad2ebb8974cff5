"""Tell the open pages of one web process what all processes of the room stored.

A notice of the database wakes the thread, which reads what was noted since it last looked: one that is lost,
or that came while the connection was broken, delays a page by two seconds and loses nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.processes.changes import ChangeReader
from edge_node.control_room.history.processes.notices import Listener
from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.ingest.batch_store import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.processes.changes import Changes
    from edge_node.control_room.web.event_stream import EventBroadcaster

_INTERVAL_S = 0.2  # between two looks, however many notices come
_LOOK_S = 2.0  # without a notice
_ALONE_S = 1.0  # where the database gives none
_MOST_VERDICTS = 100  # that a page shows
_REMEMBERED = 2000  # positions of verdicts that were sent
_JOIN_S = 5.0

_log = logging.getLogger(__name__)


class ChangeFollower:
    """Follows the room for the pages of one process, in a thread of its own."""

    def __init__(
        self, history: History, events: EventBroadcaster, on_look: Callable[[], None] = lambda: None
    ) -> None:
        """Prepare; ``start`` begins with what is stored then.

        Args:
            history: of the room.
            events: of this process.
            on_look: called in the thread, every two seconds at least.
        """
        self._history = history
        self._events = events
        self._on_look = on_look
        self._look_s = _LOOK_S if history.database.is_shared else _ALONE_S
        self._sent: deque[int] = deque(maxlen=_REMEMBERED)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="changes", daemon=True)

    @property
    def is_alive(self) -> bool:
        """The thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to follow.

        Raises:
            HistoryError: the history cannot be read.
        """
        self._reader = ChangeReader(self._history.database)
        self._sent.extend(record.position for record in self._history.newest(_MOST_VERDICTS))
        self._listener = Listener(self._history.database)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._listener.wake()
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        listener = self._listener
        while not self._ended.is_set():
            began_s = time.monotonic()
            try:
                self._look()
                self._on_look()
            except HistoryError as err:
                _log.warning("%s; open pages wait", err)
                self._ended.wait(_LOOK_S)
            self._ended.wait(_INTERVAL_S - (time.monotonic() - began_s))
            listener.wait(self._look_s)
        listener.close()

    def _look(self) -> None:
        while changes := self._reader.read():
            self._tell(changes)

    def _tell(self, changes: Sequence[Changes]) -> None:
        self._events.note_robots(robot for one in changes for robot in one.robots)
        if not len(self._events):
            self._sent.clear()  # the next page begins with what it loads
            return
        if any(one.is_much for one in changes):
            self._events.send_resync()
        verdicts = sum(one.verdicts for one in changes)
        arrivals = list(self._read_verdicts(verdicts)) if verdicts else []
        skipped = max(0, verdicts - len(arrivals))
        self._events.send_arrivals([*arrivals, *self._read_others(changes)], skipped)
        for site, subject in dict.fromkeys(pair for one in changes for pair in one.reviewed):
            self._events.send_reviewed(subject, site)
        self._events.send_defects({key for one in changes for key in one.defects})
        for site, robot in dict.fromkeys(pair for one in changes for pair in one.commands):
            self._events.send_command(site, robot)

    def _read_verdicts(self, many: int) -> Iterator[Arrival]:
        """Yield the newest verdicts that were not sent, oldest first; others commit late, in no order."""
        newest, known = self._history.newest(_MOST_VERDICTS), set(self._sent)
        if not known:
            known.update(record.position for record in newest[many:])
            self._sent.extend(known)
        for record in reversed(newest):
            if record.position not in known:
                self._sent.append(record.position)
                yield Arrival(record.verdict, record.received_at, is_news=True, replayed=record.replayed)

    def _read_others(self, changes: Sequence[Changes]) -> Iterator[Arrival]:
        for site, finding_id in dict.fromkeys(pair for one in changes for pair in one.findings):
            if (record := self._history.finding(finding_id, site=site)) is not None:
                yield Arrival(record.finding, record.received_at, is_news=True)
        for site, robot, sha256 in dict.fromkeys(name for one in changes for name in one.pictures):
            named = StoredPicture(site=site, robot=robot, sha256=sha256, is_thumbnail=True, content=b"")
            yield Arrival(named, datetime.now(timezone.utc), is_news=True)
        wanted = {name for one in changes for name in one.responses}
        for stored in self._history.responses(limit=2 * len(wanted)) if wanted else ():
            found = stored.response
            if (found.site, found.robot, found.id) in wanted:
                yield Arrival(found, stored.received_at, is_news=True)
