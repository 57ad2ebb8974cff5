"""What is sent beside the record, one at a time: the newest verdict, discovery, pictures.

None of it may hold up a verdict or count against the window: at most one such message is on its way, and
pictures wait until no verdict does.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from edge_node.integrations.home_assistant import announcements
from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.evidence.store import EvidencePicture, EvidenceStore
    from edge_node.integrations.home_assistant import Announcement
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.session import Session
    from edge_node.spool.rows import Row

_LATEST_INTERVAL_S = 1.0  # the newest verdict is retained at most so often: it costs as much as the record


class SideMessages:
    """Messages beside the record; belongs to the publisher's thread.

    Attributes:
        latest: the newest verdict that the broker has and that was not replayed, until it is sent.
    """

    def __init__(self, config: MqttConfig, topics: Topics, evidence: EvidenceStore | None) -> None:
        self.latest: Row | None = None
        self._config = config
        self._topics = topics
        self._evidence = evidence
        self._announcements: deque[Announcement] = deque()
        self._picture: EvidencePicture | None = None
        self._number: int | None = None
        self._latest_sent_s = float("-inf")

    def begin(self) -> None:
        """Note that a connection begins: what Home Assistant is told is told again."""
        self._number = None
        self._announcements = deque(announcements(self._topics, self._config))

    def send(self, session: Session, now_s: float, *, is_idle: bool) -> None:
        """Send the next message if none is on its way; pictures only when the link ``is_idle``."""
        if self._number is not None:
            return
        if self.latest is not None and now_s - self._latest_sent_s >= _LATEST_INTERVAL_S:
            message = Outgoing(self._topics.latest, self.latest.payload, retain=True)
            self.latest, self._latest_sent_s = None, now_s
        elif self._announcements:
            announcement = self._announcements.popleft()
            message = Outgoing(announcement.topic, announcement.payload, retain=True)
        elif is_idle and self._evidence is not None and (picture := self._evidence.next_picture()):
            self._picture = picture
            message = Outgoing(
                self._topics.evidence(picture.sha256),
                picture.content,
                user=(("size", picture.size.value),),
                content_type="image/jpeg",
            )
        else:
            return
        self._number = session.publish(message)

    def answered(self, number: int, code: int) -> None:
        """Note the broker's answer, if it is to a message of ours."""
        if number != self._number:
            return
        self._number = None
        if self._picture is not None and self._evidence is not None:
            if code < 0x80:
                self._evidence.sent(self._picture)
            else:
                self._evidence.failed(self._picture)
        self._picture = None

    def link_ended(self) -> None:
        """Note that the connection ended: a picture on its way did not arrive for certain."""
        if self._picture is not None and self._evidence is not None:
            self._evidence.failed(self._picture)
        self._picture, self._number = None, None
