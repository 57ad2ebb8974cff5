"""Send evidence pictures to the broker when no verdict waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.evidence.store import EvidencePicture, EvidenceStore
    from edge_node.messages.topics import Topics


class PictureOutbox:
    """Hand out the pictures that an evidence store has queued; an ``Outbox`` of the publisher."""

    qos = 1

    def __init__(
        self,
        evidence: EvidenceStore,
        topics: Topics,
        on_sent: Callable[[EvidencePicture], None] = lambda _picture: None,
    ) -> None:
        """Prepare; ``on_sent`` is told of each picture that the broker has."""
        self._on_sent = on_sent
        self._evidence = evidence
        self._topics = topics
        self._picture: EvidencePicture | None = None  # handed out and not answered

    def begin(self) -> None:
        """Do nothing: what was not sent waits in the store."""

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002  idle is enough
        """Return the next picture if the link is idle."""
        self._picture = self._evidence.next_picture() if is_idle else None
        if self._picture is None:
            return None
        return Outgoing(
            self._topics.evidence(self._picture.sha256),
            self._picture.content,
            user=(("size", self._picture.size.value), *_reasons(self._picture)),
            content_type="image/jpeg",
        )

    def answered(self, code: int | None) -> None:
        """Note whether the broker has the picture; if not, it is queued again, but not for ever."""
        picture, self._picture = self._picture, None
        if picture is None:
            return
        if code is not None and code < 0x80:
            self._evidence.sent(picture)
            self._on_sent(picture)
        else:
            self._evidence.failed(picture)


def _reasons(picture: EvidencePicture) -> tuple[tuple[str, str], ...]:
    return (("reasons", ",".join(picture.reasons)),) if picture.reasons else ()
