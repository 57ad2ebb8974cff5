"""Keep the newest thumbnail on the broker as a retained message, for screens that show one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.evidence.store import PictureSize
from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from edge_node.evidence.store import EvidencePicture
    from edge_node.messages.topics import Topics

_INTERVAL_S = 10.0  # it is a copy: the picture itself was sent already


class NewestThumbnail:
    """Hand out the thumbnail that was sent last, when the link is idle; an ``Outbox`` of the publisher."""

    qos = 1

    def __init__(self, topics: Topics) -> None:
        self._topic = topics.thumbnail
        self._content: bytes | None = None
        self._sent_s = float("-inf")

    def put(self, picture: EvidencePicture) -> None:
        """Note a picture that the broker has."""
        if picture.size is PictureSize.THUMBNAIL:
            self._content = picture.content

    def begin(self) -> None:
        """Do nothing: what was not sent yet is still the newest."""

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:
        """Return the newest thumbnail if it was not sent yet."""
        if self._content is None or not is_idle or now_s - self._sent_s < _INTERVAL_S:
            return None
        content, self._content, self._sent_s = self._content, None, now_s
        return Outgoing(self._topic, content, retain=True, content_type="image/jpeg")

    def answered(self, code: int | None) -> None:
        """Do nothing: a newer one follows."""
