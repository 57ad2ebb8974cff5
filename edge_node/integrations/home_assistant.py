"""Announce the robot to Home Assistant, which then shows it without configuration; take back what is old.

A view, not a record: Home Assistant shows the newest state and keeps its own history. Messages of discovery
are retained, so those of another configuration, or of version 0.5.0, stay until they are cleared.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from edge_node.integrations.home_assistant_discovery import (
    Abilities,
    announcements,
    is_about,
    old_discovery_topics,
)
from edge_node.messages.topics import ROOT
from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.retained_topics import RetainedTopics
    from edge_node.mqtt.types import Incoming

_BIRTH = b"online"  # what Home Assistant publishes when it has started
# Home Assistant 2024.11 and later: let go of what this topic announced, and keep its settings for another.
_MIGRATE = b'{"migrate_discovery": true}'
_LOOKS = 3  # connections over which version 0.5.0's messages are looked for, where discovery is off


class HomeAssistantOutbox:
    """Hand out the announcements at each connection: Home Assistant may start later, a broker may forget.

    It is an inbox too: Home Assistant says when it has started, and what version 0.5.0 retained is read
    before it is cleared, because its topic does not name the site.
    """

    qos = 1
    is_optional = True  # a broker may not let robots read discovery

    def __init__(
        self,
        topics: Topics,
        config: MqttConfig,
        retained: RetainedTopics | None = None,
        abilities: Abilities = Abilities(),  # noqa: B008  frozen
    ) -> None:
        """Prepare.

        Args:
            topics: of this robot.
            config: the form of discovery, and its prefix.
            retained: remembers the topics of the announcements; without it nothing old is cleared.
            abilities: what there is to show beside verdicts and status.
        """
        self._topics = topics
        self._prefix = config.home_assistant_prefix
        self._announcements = announcements(topics, config, abilities)
        self._retained = retained
        self._old = old_discovery_topics(topics, self._prefix) if retained is not None else []
        self._unsent: deque[Outgoing] = deque()
        self._sent: Outgoing | None = None
        if retained is not None:
            retained.claim(message.topic for message in self._announcements)

    @property
    def filters(self) -> Sequence[str]:
        """Home Assistant's own status, and where an older version may have announced this robot."""
        if self._announcements:
            return [f"{self._prefix}/status", *self._old]
        return self._old if self._retained is not None and self._retained.looks < _LOOKS else []

    def take(self, message: Incoming) -> None:
        """Announce again for a Home Assistant that starts; replace an old announcement of this robot."""
        if message.topic == f"{self._prefix}/status":
            if message.payload == _BIRTH and not message.is_retained:
                self._unsent.extend(self._announcements)
        elif message.topic in self._old and is_about(message.payload, self._topics):
            self._replace([message.topic])

    def begin(self) -> None:
        """Begin again with the first announcement, after letting go of what is stale."""
        self._unsent.clear()
        stale: list[str] = []
        if self._retained is not None:
            stale = [topic for topic in self._retained.stale if not topic.startswith(f"{ROOT}/")]
            if not self._announcements and self._retained.looks < _LOOKS:
                self._retained.note_look()
        self._replace(stale)

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002  always due
        """Return the next announcement, or empty message, if there is one left."""
        self._sent = self._unsent.popleft() if self._unsent else None
        return self._sent

    def answered(self, code: int | None) -> None:
        """Forget a topic that is cleared; what was lost is sent over the next connection."""
        sent, self._sent = self._sent, None
        if sent is not None and not sent.payload and code is not None and code < 0x80 and self._retained:
            self._retained.forget(sent.topic)

    def _replace(self, topics: Sequence[str]) -> None:
        """Announce, and clear ``topics``; Home Assistant keeps names and history of entities it knows."""
        if self._announcements:
            self._unsent.extend(Outgoing(topic, _MIGRATE) for topic in topics)
            self._unsent.extend(self._announcements)
        self._unsent.extend(Outgoing(topic, b"", retain=True) for topic in topics)
