"""Define how other parts of the node plug into the publisher: inboxes, outboxes and delivery listeners.

The publisher delivers the spool and knows nothing of commands, poses, updates, evidence, Home Assistant or
Sparkplug. Each of them fits one of these protocols and is handed over in a list::

    Publisher(config, topics, spool, wake, inboxes=[commands], outboxes=[pictures], listeners=[view])

All methods but ``DeliveryListener.set_status`` are called in the publisher's thread, which also acknowledges
verdicts: they return at once. An exception in one of them ends the connection, is logged and raises an alarm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.messages.status import Status
    from edge_node.mqtt.types import Incoming, Outgoing
    from edge_node.spool.rows import Row


class Inbox(Protocol):
    """Receive the messages of some topics: commands, poses, receipts, pieces of a bundle.

    An inbox with an attribute ``is_optional`` that is true does without where the broker refuses. One with an
    attribute ``largest_bytes`` gets no larger message: there is an alarm instead, which names the topic.
    """

    @property
    def filters(self) -> Sequence[str]:
        """The MQTT topic filters to subscribe to at each connection; the first inbox that matches gets it."""
        ...

    @property
    def qos(self) -> int:
        """The QoS to subscribe with: 0 if a message that was lost is not wanted later."""
        ...

    def take(self, message: Incoming) -> None:
        """Deal with a message whose topic matches one of ``filters``; nothing else in it can be trusted."""
        ...


class Outbox(Protocol):
    """Hand out messages that are not part of the record: the latest verdict, pictures, requests for pieces.

    None of them may delay a verdict. So of all outboxes with QoS 1 together only one message is on its way,
    and outboxes that stand first in the list come first. Messages at QoS 0 are sent as long as the
    link takes them, and nobody learns whether they arrived.
    """

    @property
    def qos(self) -> int:
        """The QoS of all its messages."""
        ...

    def begin(self) -> None:
        """Note that a connection begins: the broker may have forgotten everything."""
        ...

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:
        """Return the next message to send now and count it as sent; None if there is none.

        Args:
            now_s: monotonic.
            is_idle: no row of the spool is on its way or held back, and the link takes more.
        """
        ...

    def answered(self, code: int | None) -> None:
        """Note the broker's reason code for the message handed out last; only called at QoS 1.

        None: the connection ended before the answer, so the message may have arrived or not.
        """
        ...


class DeliveryListener(Protocol):
    """Learn what the broker has: the retained latest verdict, Sparkplug."""

    def delivered(self, row: Row, *, replayed: bool) -> None:
        """Note that the broker acknowledged a row of the spool.

        Args:
            row: as it was sent.
            replayed: it waited in the spool before the connection began, so it is not news.
        """
        ...

    def set_status(self, status: Status) -> None:
        """Note the status that the node publishes from now on; called by whoever sets it."""
        ...
