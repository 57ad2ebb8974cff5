"""Store what robots send in the history; acknowledge a message only once it is on the disk.

The broker keeps a session for the room (MQTT v5, session expiry), so what robots send while the room is away
waits there; what was sent and not acknowledged when the room was killed comes again, and the history knows
it. One thread owns the connection; anything else that is to be sent goes through ``send``.
"""

from __future__ import annotations

import logging
import queue
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.record_proof.chain_book import catch_up
from edge_node.control_room.history.record_proof.checkpoint_store import judge_again
from edge_node.control_room.ingest.admission import NOTICE, Admission
from edge_node.control_room.ingest.batch_store import note_refused, store
from edge_node.control_room.ingest.drain import Drain
from edge_node.control_room.ingest.subscription import Part, whole_room
from edge_node.control_room.ingest.trimming import HistoryTrimmer, open_room_floor
from edge_node.control_room.ingest.trusted_keys import RoomKeys
from edge_node.errors import ConfigError
from edge_node.messages.status import LinkState
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import endpoint
from edge_node.mqtt.link import ConnectionSteps, ReconnectLoop
from edge_node.mqtt.reason_codes import SESSION_TAKEN_OVER, name
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import LinkError, PersistentSession
from edge_node.mqtt.wake import Wake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge_node.clock_floor import ClockFloor
    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.settings import RoomSettings
    from edge_node.mqtt.packet_stream import SkippedPublish
    from edge_node.mqtt.types import Endpoint, Granted, Incoming, Outgoing

_TICK_S = 0.5
_BATCH_MESSAGES = 200
_BATCH_BYTES = 4_000_000
_BATCH_S = 0.02  # a batch waits no longer for more: people see verdicts within 300 ms
_QUIET_S = 0.002
_HELD_S = 30.0  # a connection that held so long was a good one
_MAX_WAITING = 1000  # messages that wait to be sent; more are refused at once

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Link:
    """The state of the room's own connection to the broker.

    Attributes:
        text: why it is not there; "" while it is.
        notices: what a person should know, until the program ends.
        known_until: when the connection was there last: what is known of robots is of then; None while it
            is there, and before the first.
    """

    state: LinkState
    since: datetime
    text: str = ""
    notices: tuple[str, ...] = ()
    known_until: datetime | None = None

    @property
    def outage(self) -> str:
        """A sentence that says why this room hears no robot; "" while it does."""
        if self.state is LinkState.CONNECTED:
            return ""
        return f"This control room has no connection to the broker ({self.text or self.state.value})."


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of a batch of messages.

    Attributes:
        messages: in the batch.
        seconds: that decoding and storing took.
        problem: why nothing was stored; "" where all was. The broker sends the batch again.
    """

    messages: int
    seconds: float
    problem: str = ""


class Ingest:
    """Subscribe to all robots, store their messages and pass them on to callbacks.

    The callbacks are called in its thread and must not block.
    """

    def __init__(  # noqa: PLR0913  # each is a part, by name
        self,
        settings: RoomSettings,
        history: History,
        folder: Path,
        on_arrivals: Callable[[Sequence[Arrival]], None] = lambda _arrivals: None,
        on_link: Callable[[Link], None] = lambda _link: None,
        *,
        on_commit: Callable[[Commit], None] = lambda _commit: None,
        floor: ClockFloor | None = None,
        part: Part | None = None,
    ) -> None:
        """Prepare; ``start`` connects.

        Args:
            settings: of the room.
            history: stores what arrives.
            folder: the room's state.
            on_arrivals: called with what was stored.
            on_link: called when the connection changes.
            on_commit: called with what became of a batch.
            floor: of time, from ``open_room_floor``; opened here if not given.
            part: what it does for the room; everything if not given.

        Raises:
            ConfigError: a file of [mqtt] or a key cannot be read.
        """
        self._settings = settings
        self._history = history
        self._folder = folder
        self._on_arrivals = on_arrivals
        self._on_link = on_link
        self._on_commit = on_commit
        self._part = part or whole_room(settings, history, folder)
        self._identity = self._part.identity
        self._mqtt = msgspec.structs.replace(settings.mqtt, client_id=self._identity.client_id)
        self.endpoint()  # files are read anew at each connection; a wrong one raises now
        self._admission = Admission(settings.room, history)
        self._keys = RoomKeys(settings)
        self._receipts = self._part.receipts
        self._drain: Drain | None = None
        self._batch: list[Incoming] = []
        self._batch_bytes = 0
        self._outbox: queue.Queue[tuple[Outgoing, Future[int]]] = queue.Queue(_MAX_WAITING)
        self._on_the_way: dict[int, Future[int]] = {}
        self._connected_s = 0.0
        self._floor = floor or open_room_floor(folder)
        self._trimmer = (
            HistoryTrimmer(settings.room, history, self._floor, self._notice) if self._part.trims else None
        )
        self._link = Link(LinkState.STOPPED, _now())
        self._wake = Wake()
        steps = ConnectionSteps(
            self._new_session, self._connected, self._turn, self._say_goodbye, self._connection_ended
        )
        self._loop = ReconnectLoop("ingest", steps, self._wake, _log)

    @property
    def link(self) -> Link:
        """The state of the connection."""
        return self._link

    @property
    def is_alive(self) -> bool:
        """The thread runs: false after ``stop``, or after a fault of ours."""
        return self._loop.is_alive

    def count_received(self) -> int:
        """Return how many messages were received and are not stored yet."""
        return len(self._batch)

    def count_waiting(self) -> int:
        """Return how many messages wait to be sent."""
        return self._outbox.qsize()

    def endpoint(self) -> Endpoint:
        """Return the broker's address and the credentials of the room.

        Raises:
            ConfigError: a file of [mqtt] cannot be read.
        """
        return endpoint(self._mqtt, Topics("room", "room"))

    def check_stored(self) -> None:
        """Check what other versions stored, and signatures again, as keys may be others; before the start.

        Raises:
            HistoryError: the history cannot be read or written.
        """
        database = self._history.database
        count = catch_up(database)
        if count:
            _log.info("checked the chain of %d stored verdicts", count)
        judge_again(database, self._keys.signed)

    def start(self) -> None:
        """Start connecting, for ever; returns at once."""
        self._set_link(LinkState.CONNECTING)
        self._loop.start()

    def drain(self, timeout_s: float) -> bool:
        """Store what waits in the session, which gets nothing new, and end it; return whether it is empty.

        Instead of ``start``. A session that is not empty in time stays.
        """
        self._drain = Drain()
        self.start()
        is_empty = self._drain.wait(timeout_s)
        self.stop()
        return is_empty

    def send(self, message: Outgoing) -> Future[int]:
        """Send a message and return what will be the broker's reason code; from any thread.

        The future fails with ``LinkError`` where there is no link: nothing is kept for later.
        """
        answer: Future[int] = Future()
        if self._link.state is not LinkState.CONNECTED:
            answer.set_exception(LinkError(f"no link to the broker: {self._link.text or 'connecting'}"))
            return answer
        try:
            self._outbox.put_nowait((message, answer))
        except queue.Full:
            answer.set_exception(LinkError("too many messages wait to be sent"))
        self._wake.set()
        return answer

    def stop(self, timeout_s: float = 3.0) -> None:
        """Store received messages, disconnect and end the thread; the broker keeps the session."""
        self._loop.stop(timeout_s)
        self._wake.close()
        self._set_link(LinkState.STOPPED)

    def _new_session(self) -> Session:
        persistent = PersistentSession(expiry_s=self._settings.room.session_days * 86_400)
        return Session(
            self.endpoint(),
            persistent=persistent,
            on_message=self._received,
            on_acknowledged=self._answered,
            on_skipped=self._note_skipped,
            on_denied=self._note_denied,
        )

    def _connected(self, session: Session, granted: Granted) -> None:
        if self._drain is None:
            session.unsubscribe(self._identity.left)
            session.subscribe(self._part.filters)
        else:
            filters = (*self._part.filters, *self._identity.left)
            self._drain.begin(session, filters, is_kept=granted.session_present)
        self._connected_s = time.monotonic()
        if not granted.session_present and self._identity.was_used:
            self._notice(
                f"{_now():%Y-%m-%d %H:%M} UTC: the broker has no session of ours any more: what robots sent"
                " while the room was away may never come; gaps show what is missing"
            )
        self._identity = self._identity.used()
        if self._receipts is not None:
            self._receipts.begin()
        self._set_link(LinkState.CONNECTED)
        _log.info("connected to %s as %s", self._mqtt.hostname, self._mqtt.client_id)

    def _turn(self, session: Session) -> None:
        """Receive messages and store them, then send waiting messages and receipts."""
        session.poll(_TICK_S, self._wake)
        batch_s = time.monotonic()
        while self._batch and not self._is_full and time.monotonic() - batch_s < _BATCH_S:
            held = len(self._batch)
            session.poll(_QUIET_S, self._wake)
            if len(self._batch) == held:
                break
        messages = len(self._batch)
        self._store_batch(session)
        self._send_waiting(session)
        if self._receipts is not None:
            for receipt in self._receipts.due(time.monotonic()):
                session.publish(receipt)
        if self._trimmer is not None:
            self._trimmer.look(time.monotonic())
        if self._drain is not None:
            self._drain.note_turn(messages)
        if time.monotonic() - self._connected_s > _HELD_S:
            self._loop.backoff.reset()

    def _say_goodbye(self, session: Session) -> None:
        self._store_batch(session)
        is_drained = self._drain is not None and self._drain.is_done
        session.close(ends_session=is_drained)
        if is_drained:
            self._identity.forget()
        self._floor.close()

    @property
    def _is_full(self) -> bool:
        return len(self._batch) >= _BATCH_MESSAGES or self._batch_bytes >= _BATCH_BYTES

    def _store_batch(self, session: Session) -> None:
        """Commit the received messages, then acknowledge them to the broker."""
        if not self._batch:
            return
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        began_s = time.monotonic()
        try:
            self._admission.look()
            arrivals = store(
                *(self._history, batch, self._floor.read().label),
                keys=self._keys,
                admission=self._admission,
                in_transaction=self._part.in_transaction,
            )
        except HistoryError as err:
            self._on_commit(Commit(len(batch), time.monotonic() - began_s, str(err)))
            raise
        self._on_commit(Commit(len(batch), time.monotonic() - began_s))
        for message in batch:
            session.acknowledge(message)
        if self._admission.turned_away:
            self._notice(NOTICE)
        if self._receipts is not None:
            self._receipts.note(arrivals)
        self._on_arrivals(arrivals)

    def _send_waiting(self, session: Session) -> None:
        while not self._outbox.empty():
            message, answer = self._outbox.get_nowait()
            try:
                self._on_the_way[session.publish(message)] = answer
            except LinkError as err:
                answer.set_exception(err)
                raise

    def _received(self, message: Incoming) -> None:
        self._batch.append(message)
        self._batch_bytes += len(message.payload)

    def _note_skipped(self, skipped: SkippedPublish) -> None:
        """Count a message that was not read among the unreadable ones, with its topic."""
        reason = "larger than any message of a robot" if skipped.is_too_large else "no MQTT message"
        note_refused(self._history, reason, skipped.topic, f"{skipped.size_bytes} bytes")

    def _note_denied(self, topic_filter: str, code: int) -> None:
        self._notice(f"the broker does not let the room subscribe to {topic_filter}: {name(code)}")

    def _answered(self, number: int, code: int) -> None:
        if (answer := self._on_the_way.pop(number, None)) is not None:
            answer.set_result(code)

    def _forget_connection(self) -> None:
        """Drop messages that were not stored, which come again, and fail those that were not answered."""
        self._batch, self._batch_bytes = [], 0
        lost = list(self._on_the_way.values())
        self._on_the_way.clear()
        while not self._outbox.empty():
            lost.append(self._outbox.get_nowait()[1])
        for answer in lost:
            answer.set_exception(LinkError("the link to the broker was lost before it answered"))

    def _connection_ended(self, reason: Exception | None) -> None:
        self._forget_connection()
        if reason is None:
            return
        if not isinstance(reason, (LinkError, ConfigError, HistoryError)):
            self._set_link(LinkState.CONNECTING, f"unexpected {type(reason).__name__}; see the log")
            return
        if isinstance(reason, LinkError) and reason.code == SESSION_TAKEN_OVER:
            self._notice(
                "another client connects to the broker under our name: two control rooms with one"
                " client_id? each takes from the other what robots say"
            )
        is_refused = isinstance(reason, ConfigError) or (isinstance(reason, LinkError) and reason.refused)
        self._set_link(LinkState.REFUSED if is_refused else LinkState.CONNECTING, str(reason))

    def _notice(self, text: str) -> None:
        if text not in self._link.notices:
            _log.warning("%s", text)
            self._link = replace(self._link, notices=(*self._link.notices, text)[-5:])

    def _set_link(self, state: LinkState, text: str = "") -> None:
        was, now = self._link, _now()
        since = was.since if state is was.state else now
        known_until = now if was.state is LinkState.CONNECTED else was.known_until
        if state is LinkState.CONNECTED:
            known_until = None
        self._link = replace(was, state=state, since=since, text=text, known_until=known_until)
        self._on_link(self._link)


def _now() -> datetime:
    return datetime.now(timezone.utc)
