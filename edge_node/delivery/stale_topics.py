"""Clear the retained status and verdict of a name that this robot had before.

A state folder may have been copied from a robot that is still at work under that name: who is alive there
is somebody else, and what he retained stays.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from edge_node.messages.status import OfflineReason, Presence, Status
from edge_node.messages.topics import ROOT
from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.messages.topics import Topics
    from edge_node.mqtt.retained_topics import RetainedTopics
    from edge_node.mqtt.types import Incoming

_PATIENCE_S = 15.0  # where no status is retained
_MOST_LOOKS = 5  # connections: some brokers end them at a subscription that they do not allow
_ALIVE_S = 120.0  # who is online so long is alive: it is not our own will under the old name that still waits


class StaleTopics:
    """Find out who is at the old topics, then clear them; an inbox and an outbox of the publisher."""

    qos = 1
    is_optional = True  # a broker may not let us look at names that are not ours

    def __init__(self, retained: RetainedTopics, topics: Topics) -> None:
        """Begin with what is written down as stale below ``corrosion/v1``; other topics have other owners.

        Args:
            retained: knows what this robot retained.
            topics: of this robot; what is stale below its own name needs no look.
        """
        self._retained = retained
        self._own = topics.base
        self._bases: set[str] = {_base(topic) for topic in self._stale_topics()}
        self._online: set[str] = set()
        self._unsent: deque[str] = deque()
        self._sent: str | None = None
        self._began_s: float | None = None
        self._looks = 0

    @property
    def filters(self) -> Sequence[str]:
        """The status of each old name."""
        if self._looks > _MOST_LOOKS:
            return []
        return [f"{base}/status" for base in sorted(self._bases) if base != self._own]

    def take(self, message: Incoming) -> None:
        """Clear the topics of an old name that is offline; leave those of one who speaks."""
        base = _base(message.topic)
        try:
            status = msgspec.json.decode(message.payload, type=Status)
        except (msgspec.DecodeError, ValueError):
            return
        is_will = status.offline_reason is OfflineReason.LINK_LOST
        if not message.is_retained and not is_will:
            self._leave(base)
        elif status.presence is Presence.ONLINE:
            self._online.add(base)
        else:
            self._online.discard(base)
            self._clear(base)

    def begin(self) -> None:
        """Look anew: the time starts with the first message that may be sent."""
        self._bases = {_base(topic) for topic in self._stale_topics()}
        self._unsent.clear()
        self._online.clear()
        self._looks += 1
        self._began_s = None

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002  always due
        """Return the next empty retained message."""
        if self._began_s is None:
            self._began_s = now_s
            self._clear(self._own)
        elif self._bases and self._looks <= _MOST_LOOKS and now_s - self._began_s > _PATIENCE_S:
            for base in self._bases - self._online:
                self._clear(base)
            if now_s - self._began_s > _ALIVE_S:
                for base in list(self._bases):
                    self._leave(base)
        if not self._unsent:
            return None
        self._sent = self._unsent.popleft()
        return Outgoing(self._sent, b"", retain=True)

    def answered(self, code: int | None) -> None:
        """Forget a topic that is cleared; one that the broker refuses is tried at the next connection."""
        topic, self._sent = self._sent, None
        if topic is not None and code is not None and code < 0x80:
            self._retained.forget(topic)

    def _clear(self, base: str) -> None:
        self._bases.discard(base)
        self._unsent.extend(topic for topic in self._stale_topics() if _base(topic) == base)

    def _leave(self, base: str) -> None:
        self._bases.discard(base)
        for topic in self._stale_topics():
            if _base(topic) == base:
                self._retained.forget(topic)

    def _stale_topics(self) -> list[str]:
        return [topic for topic in self._retained.stale if topic.startswith(f"{ROOT}/")]


def _base(topic: str) -> str:
    """Return the levels of a topic that name its robot."""
    return "/".join(topic.split("/")[:4])
