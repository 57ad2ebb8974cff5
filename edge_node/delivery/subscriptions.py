"""Subscribe for the inboxes, pass messages on to them, and raise alarms about topics that do not work.

A topic may be poisoned by a retained message that is too large or broken, or closed to us by the broker's
rules; the others go on.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_node.messages.command import Verb
from edge_node.messages.plain_text import escape_unprintable
from edge_node.mqtt.reason_codes import WILDCARDS_NOT_SUPPORTED, name
from edge_node.mqtt.session import MAX_INCOMING_BYTES
from edge_node.mqtt.topic_filter import matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.delivery.link_alarms import LinkAlarms
    from edge_node.delivery.ports import Inbox
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.packet_stream import SkippedPublish
    from edge_node.mqtt.session import Session
    from edge_node.mqtt.types import Granted, Incoming

_log = logging.getLogger(__name__)

_MOST_ALARMS = 5  # topics that have an alarm of their own: whoever may publish can invent any number
_RETURNED_S = 30.0  # what is retained has come again so long after a connection was made
_SHOWN = 200  # characters of a topic
_UNSPECIFIED = 0x80  # the only reason that MQTT 3.1.1 knows


class Subscriptions:
    """Receive for the inboxes of one robot; used by the publisher's thread alone."""

    def __init__(self, inboxes: Sequence[Inbox], topics: Topics, alarms: LinkAlarms) -> None:
        """Prepare; where several inboxes match a topic, the first gets its messages."""
        self._inboxes = inboxes
        self._topics = topics
        self._alarms = alarms
        self._by_filter = self._read_filters()
        self._session: Session | None = None
        self._optional: set[str] = set()
        self._skipped: dict[str, bool] = {}  # alarm: whether it was set over this connection
        self._denied: set[str] = set()

    def begin(self, session: Session, granted: Granted) -> None:
        """Subscribe over a new connection."""
        self._session = session
        self._skipped = dict.fromkeys(self._skipped, False)
        for code in self._denied:
            self._alarms.clear(code)
        self._denied.clear()
        self._by_filter = self._read_filters()
        for inbox in self._inboxes:
            filters = inbox.filters
            if getattr(inbox, "is_optional", False):
                self._optional.update(filters)
            if not granted.wildcards:
                filters = [topic for one in filters for topic in self._without_wildcard(one)]
            session.subscribe(filters, inbox.qos)

    def received(self, message: Incoming) -> None:
        """Pass a message on to the inbox that subscribed to its topic."""
        for topic_filter, inbox in self._by_filter:
            if matches(topic_filter, message.topic):
                self._pass_on(message, inbox)
                return

    def _read_filters(self) -> list[tuple[str, Inbox]]:
        """Return what the inboxes want now; it may differ from connection to connection."""
        return [(one, inbox) for inbox in self._inboxes for one in inbox.filters]

    def _pass_on(self, message: Incoming, inbox: Inbox) -> None:
        largest = getattr(inbox, "largest_bytes", MAX_INCOMING_BYTES)
        size = len(message.payload)
        if size > largest:
            self._raise_alarm(message.topic, f"{size} bytes, read are at most {largest}")
            return
        try:
            inbox.take(message)
        except Exception:
            if not message.is_retained:
                raise
            # It would come again at every connection, and end each.
            _log.exception("unexpected at a retained message on %s", escape_unprintable(message.topic))
            self._raise_alarm(message.topic, "unexpected; see the log")

    def skipped(self, skipped: SkippedPublish) -> None:
        """Raise an alarm for the topic of a message that was not read; it is logged once."""
        fault = f"{skipped.size_bytes} bytes, too large" if skipped.is_too_large else "broken"
        self._raise_alarm(skipped.topic, fault)

    def _raise_alarm(self, topic: str, fault: str) -> None:
        name_of_topic = escape_unprintable(topic[:_SHOWN]) or "no topic"
        code = f"skipped:{name_of_topic}"
        if code not in self._skipped and len(self._skipped) >= _MOST_ALARMS:
            code = "skipped"
        self._skipped[code] = True
        hint = "if it is retained, an empty retained message on that topic ends this"
        self._alarms.set(code, f"a message on {name_of_topic} is skipped: {fault}; {hint}")

    def denied(self, topic_filter: str, code: int) -> None:
        """Raise an alarm for a subscription that the broker refuses; without wildcards, try verb by verb."""
        exact = self._without_wildcard(topic_filter)
        if code in (WILDCARDS_NOT_SUPPORTED, _UNSPECIFIED) and exact != [topic_filter] and self._session:
            self._session.subscribe(exact)
            return
        if topic_filter in self._optional:
            return
        if topic_filter in self._without_wildcard(self._topics.commands):
            topic_filter = self._topics.commands  # one alarm for all verbs
        alarm = f"not_subscribed:{topic_filter}"
        self._denied.add(alarm)
        text = f"the broker does not let this robot subscribe to {topic_filter}: {name(code)}"
        self._alarms.set(alarm, f"{text}; what is sent there does not arrive")

    def connection_holds(self, lasted_s: float) -> None:
        """Clear the alarms of messages that did not come again over this connection."""
        if lasted_s > _RETURNED_S:
            for code in [code for code, came in self._skipped.items() if not came]:
                del self._skipped[code]
                self._alarms.clear(code)

    def _without_wildcard(self, topic_filter: str) -> list[str]:
        """Return the topics that a filter of ours stands for: only that of the commands has a wildcard."""
        if topic_filter != self._topics.commands:
            return [topic_filter]
        return [f"{topic_filter.removesuffix('+')}{verb.value}" for verb in Verb]
