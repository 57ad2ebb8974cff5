"""Send what is not part of the record: the retained latest verdict, health, and what other outboxes hand out.

None of it may delay a verdict or count against the send window: of all messages that the broker answers, at
most one is in flight here.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from edge_node.messages.topics import Kind
from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.delivery.ports import Outbox
    from edge_node.messages.status import Status
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.session import Session
    from edge_node.spool.rows import Row

_LATEST_INTERVAL_S = 1.0  # the newest verdict is retained at most so often: it costs as much as the record


class SideMessages:
    """Send the messages of outboxes, first outbox first; used by the publisher's thread alone."""

    def __init__(self, outboxes: Sequence[Outbox]) -> None:
        self._outboxes = outboxes
        self._awaiting: Outbox | None = None  # whose message is in flight
        self._number: int | None = None  # of that message on this connection
        self._message: Outgoing | None = None

    def begin(self) -> None:
        """Note that a connection begins."""
        for outbox in self._outboxes:
            outbox.begin()

    def send(self, session: Session, now_s: float, *, is_idle: bool) -> None:
        """Send the next message at QoS 1 unless one is in flight, and all at QoS 0 that the link takes."""
        for outbox in self._outboxes:
            if outbox.qos == 0:
                while session.can_write and (message := outbox.next_message(now_s, is_idle=is_idle)):
                    session.publish(message)
            elif self._awaiting is None and (message := outbox.next_message(now_s, is_idle=is_idle)):
                self._awaiting, self._message = outbox, message
                self._number = session.publish(message)

    def answered(self, number: int, code: int) -> Outgoing | None:
        """Note the broker's answer and return the message, if it is to the one in flight."""
        if self._awaiting is None or number != self._number:
            return None
        message = self._message
        self._pass_answer(code)
        return message

    def link_ended(self) -> None:
        """Note that the connection ended: the message in flight did not arrive for certain."""
        if self._awaiting is not None:
            self._pass_answer(None)

    def _pass_answer(self, code: int | None) -> None:
        outbox, self._awaiting, self._number = self._awaiting, None, None
        if outbox is not None:
            outbox.answered(code)


class LatestVerdict:
    """Publish the newest live verdict, retained, once the broker has it as part of the record."""

    qos = 1

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._row: Row | None = None
        self._sent_s = float("-inf")

    def delivered(self, row: Row, *, replayed: bool) -> None:
        """Note a row that the broker acknowledged; a replayed one is not the newest."""
        if row.kind is Kind.VERDICT and not replayed:
            self._row = row

    def set_status(self, status: Status) -> None:
        """Do nothing: the status is a message of its own."""

    def begin(self) -> None:
        """Do nothing: a verdict that is not sent yet is still the newest."""

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002  first of all
        """Return the newest verdict if it was not sent yet, at most once a second."""
        if self._row is None or now_s - self._sent_s < _LATEST_INTERVAL_S:
            return None
        message = Outgoing(self._topics.latest, self._row.payload, retain=True)
        self._row, self._sent_s = None, now_s
        return message

    def answered(self, code: int | None) -> None:
        """Do nothing: a newer verdict follows."""


class NewestHealth:
    """Publish the newest health message; older ones are dropped. ``put`` may be called from any thread."""

    qos = 0

    def __init__(self, topics: Topics) -> None:
        self._topic = topics.health
        self._payloads: deque[bytes] = deque(maxlen=1)

    def put(self, payload: bytes) -> None:
        """Queue ``payload`` in place of one that still waits."""
        self._payloads.append(payload)

    def begin(self) -> None:
        """Do nothing."""

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002  now or never
        """Return what was put last, once."""
        return Outgoing(self._topic, self._payloads.popleft(), qos=0) if self._payloads else None

    def answered(self, code: int | None) -> None:
        """Do nothing: nobody answers at QoS 0."""
