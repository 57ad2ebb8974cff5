"""Send the spool's rows over one connection after another, and delete each row that the broker has.

A row leaves the spool only after the broker's good answer or, where receipts are wanted, after those of all
consumers. What a broker refuses for good is quarantined; what it refuses for now is kept and sent again.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from edge_node.delivery.cloud_events import attributes
from edge_node.delivery.consumer_receipts import ConsumerReceipts
from edge_node.delivery.send_window import SendWindow
from edge_node.delivery.subscriber_grace import SubscriberGrace
from edge_node.delivery.suspects import Suspects
from edge_node.messages.plain_text import counted
from edge_node.messages.receipt import MAX_RECEIPT_BYTES
from edge_node.messages.topics import Kind, topics_named_in
from edge_node.mqtt.reason_codes import NO_SUBSCRIBERS, PACKET_TOO_LARGE, Fate, fate, name
from edge_node.mqtt.types import LinkError, Outgoing
from edge_node.spool.rows import Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.delivery.link_alarms import LinkAlarms
    from edge_node.delivery.ports import DeliveryListener
    from edge_node.delivery.send_window import Sent
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.session import Session
    from edge_node.mqtt.types import Granted, Incoming
    from edge_node.spool.spool import Spool

_log = logging.getLogger(__name__)

_LOOK_INTERVAL_S = 0.5  # rows that could not be read for a moment are looked for again
_SPARE_RECEIVE = 3  # status, latest and one picture are sent beside the window


class RowDelivery:
    """Deliver the rows of one spool; used by the publisher's thread alone.

    It is an ``Inbox`` too: it receives the consumers' receipts.

    Attributes:
        at_qos_0: rows that the broker read at QoS 0, and may lose without a word.
    """

    qos = 1
    largest_bytes = MAX_RECEIPT_BYTES

    def __init__(
        self,
        config: MqttConfig,
        topics: Topics,
        spool: Spool,
        alarms: LinkAlarms,
        listeners: Sequence[DeliveryListener],
    ) -> None:
        """Prepare; no row is sent before ``begin``."""
        self._config = config
        self._topics = topics
        self._spool = spool
        self._alarms = alarms
        self._listeners = listeners
        self._suspects = Suspects()
        # Each topic has subscribers of its own.
        self._graces = {kind: SubscriberGrace(config.subscriber_grace_s) for kind in Kind}
        self._receipts = ConsumerReceipts(config.receipts_from, topics, config.receipt_patience_s)
        self._window: SendWindow | None = None
        self._max_packet_bytes: int | None = None
        self._held_up_s = float("-inf")  # when the answers were last held up
        self._is_at_qos_0 = False
        self.at_qos_0 = 0
        self._delivered: list[Sent] = []  # acknowledged in this turn, and not deleted yet
        self._arrivals = 0
        self._looked_s = 0.0

    @property
    def filters(self) -> Sequence[str]:
        """The topics on which the consumers send receipts; none if no receipts are wanted."""
        return self._receipts.filters

    @property
    def is_connected(self) -> bool:
        """True from ``begin`` to ``link_ended``."""
        return self._window is not None

    @property
    def is_empty(self) -> bool:
        """True when no row is on its way, nor acknowledged and still on disk."""
        return self._window is None or self._window.is_empty

    @property
    def is_idle(self) -> bool:
        """True when no row waits to be sent, for its answer, or is held back."""
        return self._window is None or self._window.is_idle

    @property
    def has_unanswered(self) -> bool:
        """True while rows were sent and not answered."""
        return self._window is not None and bool(self._window.on_the_way)

    def begin(self, granted: Granted) -> None:
        """Begin a connection: what the spool holds now is the backlog, what is appended later is live."""
        size = max(1, min(self._config.window, granted.receive_maximum - _SPARE_RECEIVE))
        waits = self._config.require_subscriber
        awaited = [kind for kind, grace in self._graces.items() if waits or grace.was_there]
        self._window = SendWindow(size, self._spool.last_position(), self._suspects, alone_first=awaited)
        self._is_at_qos_0 = granted.promise.qos == 0
        self._max_packet_bytes = granted.maximum_packet_bytes
        oldest = self._spool.rows(Kind.VERDICT, limit=1) if self._receipts.wanted else []
        self._receipts.also_of([self._topics_of(row) for row in oldest])

    def send(self, session: Session, now_s: float) -> None:
        """Send rows, best first, until every slot of the window is taken."""
        window = self._window
        if window is None:
            return
        for sent in window.next_up(self._read, now_s):
            row = sent.row
            topics = self._topics_of(row)
            replayed = [("replayed", "true")] if sent.lane.replayed else []
            user = tuple(replayed + attributes(row, topics))
            message = Outgoing(topics.of(row.kind), row.payload, user=user, correlation=row.correlation)
            if self._max_packet_bytes is not None and message.size_bytes > self._max_packet_bytes:
                self._suspects.clear(row.position)
                self._quarantine(row, PACKET_TOO_LARGE, "larger than the broker says it takes")
            else:
                window.sent(session.publish(message), sent)
                self._receipts.sent(row)

    def check_answers(self, session: Session, now_s: float) -> None:
        """Raise LinkError if the broker has not answered the oldest row for ``ack_timeout_s``.

        While a message that is too large comes in, and is skipped, no answer can come.
        """
        if session.is_skipping:
            self._held_up_s = now_s
        oldest_s = self._window.oldest_sent_at_s() if self._window else None
        timeout_s = self._config.ack_timeout_s
        if oldest_s is not None and now_s - max(oldest_s, self._held_up_s) > timeout_s:
            text = f"broker {self._config.hostname}: no answer for {timeout_s} s"
            raise LinkError(text, is_unanswered=not session.was_answered)

    def wait_s(self, now_s: float) -> float | None:
        """Return the seconds until a kind that the broker refused is tried again, if any is."""
        return self._window.wait_s(now_s) if self._window else None

    def answered(self, number: int, code: int) -> Fate | None:
        """Handle the broker's answer to one message; return None if that was not a row."""
        window = self._window
        sent = window.answered(number) if window else None
        if window is None or sent is None:
            return None
        row = sent.row
        row_fate = self._fate(row.kind, code)
        if row_fate is Fate.DELIVERED:
            self._note_delivered(window, sent)
        elif row_fate is Fate.REFUSED:
            window.quarantined(sent, self._quarantine(row, code, name(code)))
        else:
            text = f"{self._topics_of(row).of(row.kind)}: {name(code)}; kept and sent again"
            self._alarms.set(_refused(row.kind), text)
            window.kept(sent, time.monotonic())
        return row_fate

    def take(self, message: Incoming) -> None:
        """Delete the verdicts that all consumers have, or send again what one lacks, as a receipt says."""
        stored = self._receipts.note(message, time.monotonic())
        if self._receipts.take_missing() and self._window is not None:
            _log.warning(
                "a consumer lacks verdicts that the broker had; all verdicts without a receipt are sent again"
            )
            self._window.replay(Kind.VERDICT, self._spool.last_position())
        if stored:
            self._spool.settle_stored(*stored)

    def settle(self, *, urgent: bool = False) -> None:
        """Delete the rows acknowledged in this turn, and free the slots of rows whose deletion is on disk.

        Args:
            urgent: the deletions are not to wait for the next verdict.
        """
        window = self._window
        if window is None:
            return
        if self._delivered or urgent:
            positions = [sent.row.position for sent in self._delivered]
            # Whoever stops the node waits for its last checkpoint.
            urgent |= any(sent.row.kind is Kind.CHECKPOINT for sent in self._delivered)
            ticket = self._spool.settle(*positions, urgent=urgent or window.free_slots == 0)
            for sent in self._delivered:
                window.delivered(sent, ticket)
            self._delivered.clear()
        window.settled(self._spool.settled)

    def look_for_rows(self, now_s: float) -> None:
        """Look again for rows where none were found: for live ones if some were appended, at times all."""
        if self._window is None:
            return
        arrivals, is_due = self._spool.arrivals, now_s - self._looked_s >= _LOOK_INTERVAL_S
        if is_due:
            self._looked_s = now_s
        if is_due or arrivals != self._arrivals:
            self._arrivals = arrivals
            self._window.wake(backlog=is_due)

    def find_culprit(self, *, blamed: bool) -> None:
        """Find out whether a row is why the connection ended; quarantine it if so.

        Args:
            blamed: the broker said that a message was the reason.
        """
        if self._window is not None:
            culprit = self._suspects.link_ended(self._window.on_the_way, time.monotonic(), blamed=blamed)
            if culprit is not None:
                self._quarantine(culprit, PACKET_TOO_LARGE, "the broker ends the connection at it")
        if self._suspects.deferred:
            rows = counted(self._suspects.deferred, "row ends", "rows end")
            text = f"{rows} the connection whenever sent; left for later"
            self._alarms.set("deferred", text)

    def link_ended(self) -> None:
        """Forget the connection; rows that were not answered are sent again over the next one."""
        self._spool.settle(urgent=True)  # what was answered is not
        self._window = None

    def _topics_of(self, row: Row) -> Topics:
        """Return the topics of the name that the robot had when it made a row: no one else takes it there."""
        return topics_named_in(row.payload) or self._topics

    def _fate(self, kind: Kind, code: int) -> Fate:
        """Return what becomes of a row; while subscribers are expected back, "nobody subscribes" keeps it."""
        nobody_subscribes = code == NO_SUBSCRIBERS
        grace = self._graces[kind]
        if not nobody_subscribes and code < 0x80:
            grace.note_received()
        wait = self._config.require_subscriber or (nobody_subscribes and grace.is_awaited(time.monotonic()))
        return fate(code, require_subscriber=wait)

    def _note_delivered(self, window: SendWindow, sent: Sent) -> None:
        row, replayed = sent.row, sent.lane.replayed
        self.at_qos_0 += self._is_at_qos_0
        self._alarms.clear(_refused(row.kind))
        waits = self._receipts.wanted and row.kind is Kind.VERDICT
        if waits and self._receipts.parked(row, time.monotonic()):
            window.parked(sent)
        else:
            self._delivered.append(sent)
        for listener in self._listeners:
            listener.delivered(row, replayed=replayed)

    def _quarantine(self, row: Row, code: int, reason: str) -> int:
        _log.error("%s %d is refused for good: %s; quarantined", row.kind.value, row.seq, reason)
        return self._spool.refuse(Refusal(row.position, code, reason))

    def _read(self, kind: Kind, after: int, up_to: int | None, limit: int) -> list[Row]:
        return self._spool.rows(kind, after=after, up_to=up_to, limit=limit)


def _refused(kind: Kind) -> str:
    """Return the code of the alarm that the broker refuses a kind."""
    return f"refused:{kind.value}"
