"""The publisher: from the spool to the broker, for ever; commands in.

One thread does everything: it connects, sends, waits for answers, and connects again. A row leaves the
spool only after the broker's good answer. paho keeps nothing between connections.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from edge_node.backoff import MOST_S, Backoff
from edge_node.delivery.cloud_events import attributes
from edge_node.delivery.consumer_receipts import ConsumerReceipts
from edge_node.delivery.link_alarms import LinkAlarms
from edge_node.delivery.send_window import SendWindow
from edge_node.delivery.side_messages import SideMessages
from edge_node.delivery.status_publication import StatusMessage
from edge_node.delivery.subscriber_grace import SubscriberGrace
from edge_node.delivery.suspects import Suspects
from edge_node.errors import ConfigError
from edge_node.messages.status import Alarm, LinkState, OfflineReason
from edge_node.messages.topics import Kind
from edge_node.mqtt.endpoint import check_security, endpoint
from edge_node.mqtt.reason_codes import (
    NO_SUBSCRIBERS,
    PACKET_TOO_LARGE,
    SESSION_TAKEN_OVER,
    Fate,
    fate,
    name,
)
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Granted, LinkError, Outgoing, Will
from edge_node.spool.rows import Refusal, Row

if TYPE_CHECKING:
    from edge_node.commands.receiver import CommandReceiver
    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.daemon.pose_sources import PoseTopic
    from edge_node.delivery.send_window import Sent
    from edge_node.evidence.store import EvidenceStore
    from edge_node.integrations.sparkplug_edge_node import SparkplugNode
    from edge_node.messages.status import Status
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Incoming
    from edge_node.spool.spool import Spool
    from edge_node.update.fetcher import Fetcher

_log = logging.getLogger(__name__)

_TICK_S = 0.5  # how late a hold, a stop or an unanswered row may be noticed
_GOODBYE_SHARE = 0.5  # of the time for stopping, for rows on their way; the rest for saying offline
_SPARE_RECEIVE = 3  # status, latest and one picture are sent beside the window


class Publisher:
    """Delivers a spool to a broker; ``start`` and ``stop`` once each."""

    def __init__(  # noqa: PLR0913  # the rooms that the link serves, by name
        self,
        config: MqttConfig,
        topics: Topics,
        spool: Spool,
        *,
        desk: CommandReceiver | None = None,
        evidence: EvidenceStore | None = None,
        pose: PoseTopic | None = None,
        fetcher: Fetcher | None = None,
    ) -> None:
        """Prepare; touches no network.

        Args:
            config: the broker.
            topics: of this robot.
            spool: what is to be delivered.
            desk: takes commands; without one none are subscribed to.
            evidence: has pictures to send when nothing else is to be sent.
            pose: takes what comes on its topic.
            fetcher: fetches bundles that are offered.

        Raises:
            ConfigError: the connection would give something away.
        """
        check_security(config)
        self._config = config
        self._topics = topics
        self._spool = spool
        self._desk = desk
        self._pose = pose
        self._fetcher = fetcher
        self._view: SparkplugNode | None = None
        self._suspects = Suspects()
        # Each topic has listeners of its own.
        self._audiences = {kind: SubscriberGrace(config.subscriber_grace_s) for kind in Kind}
        self._backoff = Backoff()
        self._stopping = threading.Event()
        self._stop_by_s = float("inf")
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self.beat_s = time.monotonic()  # last turn while connected: a watchdog's proof of life
        self._status = StatusMessage(topics)
        self._health: deque[bytes] = deque(maxlen=1)
        self._receipts = ConsumerReceipts(config.receipts_from, topics, config.receipt_patience_s)
        self._aside = SideMessages(config, topics, evidence)
        self._alarms = LinkAlarms()
        self._window: SendWindow | None = None
        self._delivered: list[Sent] = []
        self._arrivals = 0
        self._looked_s = 0.0
        self._connected_s = 0.0
        self._max_packet_bytes: int | None = None
        self._link = LinkState.STOPPED
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    @property
    def link(self) -> LinkState:
        """How the connection does."""
        return self._link

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What the broker refuses, and why."""
        return self._alarms.now

    def show_in(self, view: SparkplugNode) -> None:
        """Tell ``view`` of the status and of what is delivered; before ``start``."""
        self._view = view

    def start(self) -> None:
        """Begin to connect, for ever; returns at once."""
        if self._config.protocol != "5":
            _log.warning(
                "MQTT 3.1.1 cannot say that a message was refused:"
                " what the broker drops by its rules or limits is lost unnoticed"
            )
        self._link = LinkState.CONNECTING
        self._receipts.begin(self._spool.epoch, self._spool.last_number(Kind.VERDICT))
        if self._fetcher is not None:
            self._fetcher.wake = self._wake
        self._spool.listen(self._wake)
        self._thread.start()

    def set_status(self, status: Status) -> None:
        """Publish ``status``, now and at every connection; the broker says offline for us if need be."""
        self._status.set(status)
        if self._view is not None:
            self._view.set_status(status)
        self._wake()

    def publish_health(self, payload: bytes) -> None:
        """Publish at QoS 0; dropped while the link is away or busy."""
        if self._link is LinkState.CONNECTED:
            self._health.append(payload)
            self._wake()

    def drain(self, timeout_s: float) -> bool:
        """Wait until the broker has everything that was appended; False if it has not in time."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            depth = self._spool.depth()
            if depth.waiting == depth.in_memory == 0:
                return True
            time.sleep(0.05)
        return False

    def stop(self, timeout_s: float = 2.0) -> None:
        """Say offline, disconnect and end the thread, all within about ``timeout_s``."""
        if not self._thread.is_alive():
            return
        self._stop_by_s = time.monotonic() + timeout_s
        self._stopping.set()
        self._wake()
        self._thread.join(timeout_s + 0.5)
        if self._thread.is_alive():  # resolving a name cannot be interrupted
            _log.warning("the connection to the broker does not end in time; left behind")
        self._spool.listen(lambda: None)
        self._link = LinkState.STOPPED

    # -- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._window = None
            try:
                session = self._connect()
                try:
                    self._serve(session)
                    self._say_goodbye(session)
                finally:
                    session.abandon()
            except (LinkError, ConfigError) as err:
                self._note_end(err)
            except Exception as err:  # noqa: BLE001  whatever it is, the link must come back
                _log.exception("publisher: unexpected; connecting anew")
                self._alarms.sound("publisher_error", f"unexpected {type(err).__name__}: {err}; see the log")
            self._stopping.wait(self._backoff.next_s())

    def _connect(self) -> Session:
        """Return a new connection, with a window that begins at what the spool holds now."""
        will = Will(
            self._topics.status, self._status.offline(OfflineReason.LINK_LOST), self._config.will_delay_s
        )
        session = Session(
            endpoint(self._config, self._topics),
            will=will,
            on_acknowledged=self._answered,
            on_message=self._received,
        )
        try:
            granted = session.open(self._wake_out, self._stopping.is_set)
        except LinkError:
            session.abandon()
            raise
        self._window = SendWindow(self._window_size(granted), self._spool.last_position(), self._suspects)
        self._max_packet_bytes = granted.maximum_packet_bytes
        self.beat_s = time.monotonic()
        self._link, self._said = LinkState.CONNECTED, ""
        self._connected_s = time.monotonic()
        self._status.begin()
        self._aside.begin()
        session.subscribe([*([self._topics.commands] if self._desk else []), *self._receipts.filters])
        if self._pose is not None:
            session.subscribe([self._pose.topic], qos=0)  # a pose that comes late is of no use
        if self._fetcher is not None:
            self._fetcher.link_changed()
            session.subscribe(self._fetcher.filters, qos=0)
        _log.info("connected to %s", self._config.hostname)
        return session

    def _serve(self, session: Session) -> None:
        """Send what there is and deal with the answers until the link ends or ``stop`` is called."""
        while not self._stopping.is_set() and self._window is not None:
            self.beat_s = now_s = time.monotonic()
            self._send_status(session, now_s)
            self._send_rows(session, self._window, now_s)
            is_idle = self._window.is_empty and not self._window.held and session.can_write
            self._aside.send(session, now_s, is_idle=is_idle)
            while self._health and session.can_write:
                session.publish(Outgoing(self._topics.health, self._health.popleft(), qos=0))
            if self._fetcher is not None:
                self._fetcher.send(session, now_s)
            self._check_answers(self._window, now_s)
            session.poll(min(_TICK_S, self._window.wait_s(now_s) or _TICK_S), self._wake_out)
            self._settle(self._window)
            arrivals = self._spool.arrivals
            # Rows that could not be read for a moment are looked for again too.
            if arrivals != self._arrivals or now_s - self._looked_s >= _TICK_S:
                self._arrivals, self._looked_s = arrivals, now_s
                self._window.wake()

    def _send_rows(self, session: Session, window: SendWindow, now_s: float) -> None:
        for sent in window.next_up(self._read, now_s):
            row = sent.row
            replayed = [("replayed", "true")] if sent.lane.replayed else []
            user = tuple(replayed + attributes(row, self._topics))
            message = Outgoing(self._topics.of(row.kind), row.payload, user=user, correlation=row.correlation)
            if self._max_packet_bytes is not None and message.size_bytes > self._max_packet_bytes:
                self._suspects.clear(row.position)
                self._quarantine(row, PACKET_TOO_LARGE, "larger than the broker says it takes")
            else:
                window.sent(session.publish(message), sent)
                self._receipts.sent(row)

    def _answered(self, number: int, code: int) -> None:
        """Deal with the broker's answer to one message."""
        window = self._window
        self._aside.answered(number, code)
        sent = window.answered(number) if window else None
        if window is None or sent is None:
            if code >= 0x80:
                self._alarms.sound("refused", f"broker refuses status, latest or a picture: {name(code)}")
            return
        unheard = code == NO_SUBSCRIBERS
        audience = self._audiences[sent.row.kind]
        if not unheard and code < 0x80:
            audience.heard()
        wait = self._config.require_subscriber or (unheard and audience.is_awaited(time.monotonic()))
        what = fate(code, require_subscriber=wait)
        topic = self._topics.of(sent.row.kind)
        if what is Fate.DELIVERED:
            self._backoff.reset()
            self._alarms.silence(f"refused:{sent.row.kind.value}")
            if self._view is not None:
                self._view.delivered(sent.row, replayed=sent.lane.replayed)
            if self._receipts.wanted and sent.row.kind is Kind.VERDICT:
                window.parked(sent)
                self._receipts.parked(sent.row, time.monotonic())
            else:
                self._delivered.append(sent)
            if sent.row.kind is Kind.VERDICT and not sent.lane.replayed:
                self._aside.latest = sent.row
        elif what is Fate.REFUSED:
            window.quarantined(sent, self._quarantine(sent.row, code, name(code)))
        else:
            self._alarms.sound(
                f"refused:{sent.row.kind.value}", f"{topic}: {name(code)}; kept and sent again"
            )
            window.kept(sent, time.monotonic())

    def _settle(self, window: SendWindow) -> None:
        """Have what was taken in this turn deleted, and free the slots of what is deleted by now."""
        if self._delivered:
            positions = [sent.row.position for sent in self._delivered]
            ticket = self._spool.settle(*positions, urgent=window.free_slots == 0)
            for sent in self._delivered:
                window.delivered(sent, ticket)
            self._delivered.clear()
        window.settled(self._spool.settled)

    def _received(self, message: Incoming) -> None:
        """Deal with a pose, a piece of a bundle, a command or a receipt."""
        if self._pose is not None and self._pose.note(message):
            return
        if self._fetcher is not None and self._fetcher.note(message):
            return
        stored = self._receipts.note(message, time.monotonic())
        if self._window is not None and self._receipts.take_missing():
            _log.warning(
                "a consumer lacks verdicts that the broker had; all without a receipt are sent again"
            )
            self._window.replay(Kind.VERDICT, self._spool.last_position())
        if stored is not None:
            self._spool.settle_stored(stored)
        elif self._desk is not None:
            self._desk.handle(message)

    def _send_status(self, session: Session, now_s: float) -> None:
        """Publish the status if it, or the spool's alarms and losses, changed."""
        if self._status.is_due(now_s):
            self._alarms.connection_holds(now_s - self._connected_s)
            payload = self._status.changed(self._link, self._spool.depth(), self.alarms)
            if payload is not None:
                session.publish(Outgoing(self._topics.status, payload, retain=True))

    def _say_goodbye(self, session: Session) -> None:
        """Wait a moment for answers, say offline, disconnect."""
        window = self._window
        answers_by_s = time.monotonic() + (self._stop_by_s - time.monotonic()) * _GOODBYE_SHARE
        while window is not None and not window.is_empty and time.monotonic() < answers_by_s:
            session.poll(0.02, self._wake_out)
            self._settle(window)
        session.publish(
            Outgoing(self._topics.status, self._status.offline(OfflineReason.STOPPED), retain=True)
        )
        while not session.can_write and time.monotonic() < self._stop_by_s:
            session.poll(0.02)
        session.close(max(0.1, self._stop_by_s - time.monotonic()))

    def _note_end(self, err: LinkError | ConfigError) -> None:
        """Say why the connection ended, once, and find out whether a row is the reason."""
        self._aside.link_ended()
        lasted_s = time.monotonic() - self._connected_s
        if self._window is not None and lasted_s > MOST_S:
            self._backoff.reset()  # it held for a while, even if there was nothing to be sent
        code = err.code if isinstance(err, LinkError) else None
        taken_over = code == SESSION_TAKEN_OVER
        is_explained = self._window is None or bool(self._window.on_the_way)
        refused = isinstance(err, ConfigError) or err.refused
        self._link = LinkState.REFUSED if refused else LinkState.CONNECTING
        if str(err) != self._said:
            _log.warning("%s; trying again", err)
            self._said = str(err)
        if self._window is not None:
            blamed = code == PACKET_TOO_LARGE
            culprit = self._suspects.link_ended(self._window.on_the_way, time.monotonic(), blamed=blamed)
            if culprit is not None:
                self._quarantine(culprit, PACKET_TOO_LARGE, "the broker ends the connection at it")
        if self._alarms.connection_ended(lasted_s, taken_over=taken_over, is_explained=is_explained):
            self._backoff.calm()  # two nodes of one name would throw each other out several times a second
        if self._suspects.deferred:
            text = f"{self._suspects.deferred} rows end the connection whenever they are sent; left for later"
            self._alarms.sound("deferred", text)

    def _check_answers(self, window: SendWindow, now_s: float) -> None:
        oldest_s = window.oldest_sent_at_s()
        if oldest_s is not None and now_s - oldest_s > self._config.ack_timeout_s:
            raise LinkError(f"broker {self._config.hostname}: no answer for {self._config.ack_timeout_s} s")

    def _quarantine(self, row: Row, code: int, reason: str) -> int:
        _log.error("%s %d is refused for good: %s; quarantined", row.kind.value, row.seq, reason)
        return self._spool.refuse(Refusal(row.position, code, reason))

    def _read(self, kind: Kind, after: int, up_to: int | None, limit: int) -> list[Row]:
        return self._spool.rows(kind, after=after, up_to=up_to, limit=limit)

    def _window_size(self, granted: Granted) -> int:
        return max(1, min(self._config.window, granted.receive_maximum - _SPARE_RECEIVE))

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except BlockingIOError:
            pass  # it is awake already
        except OSError:
            pass  # stopped
