"""Publish the spool to the broker until every message is acknowledged; pass what arrives on to inboxes.

One thread does everything: it connects, sends, waits for answers, and connects again. paho keeps nothing
between connections. Who else sends, receives or wants to know fits a port (``delivery/ports.py``).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from edge_node.backoff import MOST_S
from edge_node.delivery.link_alarms import LinkAlarms
from edge_node.delivery.row_delivery import RowDelivery
from edge_node.delivery.side_messages import LatestVerdict, NewestHealth, SideMessages
from edge_node.delivery.status_publication import StatusPublication
from edge_node.delivery.subscriptions import Subscriptions
from edge_node.errors import ConfigError
from edge_node.messages.status import LinkState, OfflineReason
from edge_node.mqtt.endpoint import check_security, endpoint
from edge_node.mqtt.link import ConnectionSteps, ReconnectLoop
from edge_node.mqtt.promise_search import PromiseSearch
from edge_node.mqtt.reason_codes import PACKET_TOO_LARGE, SESSION_TAKEN_OVER, Fate, name
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import LinkError, Outgoing, Will

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.delivery.ports import DeliveryListener, Inbox, Outbox
    from edge_node.messages.status import Alarm, Status
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Granted
    from edge_node.mqtt.wake import Wake
    from edge_node.spool.spool import Spool

_log = logging.getLogger(__name__)

_TICK_S = 0.5  # how late a hold, a stop or an unanswered row may be noticed
_GOODBYE_SHARE = 0.5  # of the time for stopping, for rows in flight; the rest for the offline status


class Publisher:
    """Deliver a spool to a broker; ``start`` and ``stop`` once each, or a ``with`` block.

    Attributes:
        beat_s: monotonic time of the last turn while connected: a watchdog's proof of life.
    """

    def __init__(  # noqa: PLR0913  the last three are lists of what plugs in
        self,
        config: MqttConfig,
        topics: Topics,
        spool: Spool,
        wake: Wake,
        *,
        inboxes: Sequence[Inbox] = (),
        outboxes: Sequence[Outbox] = (),
        listeners: Sequence[DeliveryListener] = (),
        alarm_sources: Sequence[Callable[[], tuple[Alarm, ...]]] = (),
    ) -> None:
        """Prepare; touches no network.

        Args:
            config: the broker.
            topics: of this robot.
            spool: what is to be delivered.
            wake: set by whoever has work for the publisher's thread.
            inboxes: receive messages; where several match a topic, the first gets it.
            outboxes: have messages beside the record, the most urgent first; the latest verdict precedes all.
            listeners: learn what the broker has and how the node does.
            alarm_sources: each returns the alarms of another part, which ``status`` shows beside our own.

        Raises:
            ConfigError: the connection would give something away.
        """
        check_security(config)
        self._config = config
        self._topics = topics
        self._spool = spool
        self._wake = wake
        self._alarms = LinkAlarms()
        self._alarm_sources = tuple(alarm_sources)
        self._status = StatusPublication(topics)
        self._health = NewestHealth(topics)
        latest = LatestVerdict(topics)
        self._listeners = (latest, *listeners)
        self._side_messages = SideMessages((latest, *outboxes, self._health))
        self._rows = RowDelivery(config, topics, spool, self._alarms, self._listeners)
        self._subscriptions = Subscriptions((*inboxes, self._rows), topics, self._alarms)
        self._promises = PromiseSearch(may_guess=config.protocol == "3.1.1")
        self._link_text = ""
        self._asks_for_more = False  # of the broker's promise, by connecting anew
        self.beat_s = time.monotonic()
        self._connected_s = 0.0
        self._link = LinkState.STOPPED
        steps = ConnectionSteps(
            self._new_session, self._connected, self._turn, self._say_goodbye, self._connection_ended
        )
        self._loop = ReconnectLoop("publisher", steps, wake, _log)

    def __enter__(self) -> Publisher:  # noqa: PYI034  Self needs Python 3.11
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def link(self) -> LinkState:
        """The state of the connection."""
        return self._link

    @property
    def link_text(self) -> str:
        """What the broker does not promise, for people; "" where it keeps messages and acknowledges them."""
        return self._link_text

    @property
    def at_qos_0(self) -> int:
        """Rows that the broker read at QoS 0 since the start, and may lose without a word."""
        return self._rows.at_qos_0

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms that are set: what the broker refuses, who disturbs the link, those of other parts."""
        return self._alarms.active + tuple(alarm for source in self._alarm_sources for alarm in source())

    def start(self) -> None:
        """Start connecting, for ever; returns at once."""
        if self._config.protocol != "5":
            _log.warning(
                "MQTT 3.1.1 cannot say that a message was refused:"
                " if the broker drops one by its rules or limits, it is lost without notice"
            )
        self._link = LinkState.CONNECTING
        self._spool.listen(self._wake.set)
        self._loop.start()

    def set_status(self, status: Status) -> None:
        """Publish ``status``, now and at every connection; the will replaces it if the link is lost."""
        self._status.set(status)
        for listener in self._listeners:
            listener.set_status(status)
        self._wake.set()

    def publish_health(self, payload: bytes) -> None:
        """Publish at QoS 0; dropped while the link is away or busy."""
        if self._link is LinkState.CONNECTED:
            self._health.put(payload)
            self._wake.set()

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
        """Publish the offline status, disconnect and end the thread, all within about ``timeout_s``."""
        if not self._loop.is_alive:
            return
        self._loop.stop(timeout_s)
        self._spool.listen(lambda: None)
        self._link = LinkState.STOPPED

    # -- the thread ----------------------------------------------------------------------------------

    def _new_session(self) -> Session:
        offline = self._status.offline(OfflineReason.LINK_LOST)
        return Session(
            endpoint(self._config, self._topics),
            will=Will(self._topics.status, offline, self._config.will_delay_s),
            on_acknowledged=self._answered,
            on_message=self._subscriptions.received,
            on_skipped=self._subscriptions.skipped,
            on_denied=self._subscriptions.denied,
            promise=self._promises.wanted,
        )

    def _connected(self, session: Session, granted: Granted) -> None:
        self._rows.begin(granted)
        self.beat_s = self._connected_s = time.monotonic()
        self._link = LinkState.CONNECTED
        self._status.begin()
        self._side_messages.begin()
        self._subscriptions.begin(session, granted)
        self._asks_for_more = False
        self._note_promise(granted)
        _log.info("connected to %s", self._config.hostname)

    def _note_promise(self, granted: Granted) -> None:
        """Say what the broker does not promise, when that changes."""
        text = granted.promise.text
        if text and not granted.promise.retain:
            text += "; a client that connects later does not see status and newest verdict"
        if text and granted.promise.qos == 0:
            text += "; a message counts as delivered once the broker has read it; after that it may be lost"
        if text and text != self._link_text:
            _log.warning("%s: %s", self._config.hostname, text)
        self._link_text = text

    def _turn(self, session: Session) -> None:
        """Send what there is and deal with the answers."""
        self.beat_s = now_s = time.monotonic()
        self._send_status(session, now_s)
        if not self._promises.is_trying_qos_0:
            self._rows.send(session, now_s)
        self._side_messages.send(session, now_s, is_idle=self._rows.is_idle and session.can_write)
        self._rows.check_answers(session, now_s)
        session.poll(min(_TICK_S, self._rows.wait_s(now_s) or _TICK_S), self._wake)
        self._rows.settle()
        self._rows.look_for_rows(now_s)
        if self._asks_for_more:
            raise LinkError(
                "the broker kept no retained messages, or QoS 0 only; connecting again to see if it does now"
            )

    def _send_status(self, session: Session, now_s: float) -> None:
        """Publish the status if it, or the spool's alarms and losses, changed."""
        if self._status.is_due(now_s):
            self._alarms.connection_holds(now_s - self._connected_s)
            self._subscriptions.connection_holds(now_s - self._connected_s)
            payload = self._status.changed(
                self._link, self._spool.depth(), self.alarms, link_text=self._link_text
            )
            if payload is not None:
                session.publish(Outgoing(self._topics.status, payload, retain=True))

    def _answered(self, number: int, code: int) -> None:
        """Deal with the broker's answer to one message."""
        self._asks_for_more |= self._promises.answered()
        fate = self._rows.answered(number, code)
        if fate is Fate.DELIVERED:
            self._loop.backoff.reset()
        elif fate is None:
            self._note_side_answer(self._side_messages.answered(number, code), code)

    def _note_side_answer(self, message: Outgoing | None, code: int) -> None:
        """Raise an alarm if the broker refuses what is beside the record; all but the status is known."""
        if code < 0x80:
            return
        if message is None or message.payload:
            what = message.topic if message is not None else self._topics.status
            self._alarms.set("refused", f"broker refuses {what}: {name(code)}")
        else:
            _log.warning(
                "broker does not let us clear %s: %s; see edge-node retire", message.topic, name(code)
            )

    def _say_goodbye(self, session: Session) -> None:
        """Wait a moment for answers, publish the offline status, disconnect."""
        answers_by_s = time.monotonic() + self._loop.seconds_left * _GOODBYE_SHARE
        while not self._rows.is_empty and time.monotonic() < answers_by_s:
            session.poll(0.02, self._wake)
            self._rows.settle(urgent=True)
        offline = self._status.offline(OfflineReason.STOPPED)
        session.publish(Outgoing(self._topics.status, offline, retain=True))
        while not session.can_write and self._loop.seconds_left > 0:
            session.poll(0.02)
        session.close(max(0.1, self._loop.seconds_left))

    def _connection_ended(self, reason: Exception | None) -> None:
        self._side_messages.link_ended()
        if isinstance(reason, (LinkError, ConfigError)):
            self._note_end(reason)
        elif reason is not None:
            text = f"unexpected {type(reason).__name__}: {reason}; see the log"
            self._alarms.set("publisher_error", text)
            self._link = LinkState.CONNECTING
        self._rows.link_ended()

    def _note_end(self, reason: LinkError | ConfigError) -> None:
        """Note how the link does, and find out whether a row or another client is why it ended."""
        lasted_s = time.monotonic() - self._connected_s
        if self._rows.is_connected and lasted_s > MOST_S:
            self._loop.backoff.reset()  # it held for a while, even if there was nothing to be sent
        code = reason.code if isinstance(reason, LinkError) else None
        is_refused = isinstance(reason, ConfigError) or reason.refused
        self._link = LinkState.REFUSED if is_refused else LinkState.CONNECTING
        if isinstance(reason, LinkError) and self._promises.ended(reason):
            self._loop.backoff.reset()
            self._link_text = self._promises.wanted.text
        is_explained = not self._rows.is_connected or self._rows.has_unanswered
        self._rows.find_culprit(blamed=code == PACKET_TOO_LARGE)
        taken_over = code == SESSION_TAKEN_OVER
        if self._alarms.connection_ended(lasted_s, taken_over=taken_over, is_explained=is_explained):
            # Two nodes of one name would throw each other out several times a second.
            self._loop.backoff.calm()
