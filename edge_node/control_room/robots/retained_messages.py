"""Read and clear retained messages of a broker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.mqtt.session import Session
from edge_node.mqtt.types import LinkError, Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.mqtt.packet_stream import SkippedPublish
    from edge_node.mqtt.types import Endpoint, Incoming

_QUIET_S = 1.0  # nothing retained has come for so long: that was all
_LONGEST_READ_S = 30.0  # a robot that is online never becomes quiet
_ANSWER_S = 10.0
_TICK_S = 0.1


class RetainedMessages:
    """One connection to a broker, to look at retained messages and to clear them; a ``with`` block."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare; ``with`` connects."""
        self._found: dict[str, bytes] = {}
        self._came_s = 0.0
        self._answers: dict[int, int] = {}
        self.denied: list[str] = []  # filters that the broker does not let us read
        self._session = Session(
            endpoint,
            on_message=self._received,
            on_skipped=self._skipped,
            on_acknowledged=self._answers.__setitem__,
            told_limit_bytes=None,  # else a message that is too large would stay, unseen
            on_denied=lambda topic_filter, _code: self.denied.append(topic_filter),
        )

    def __enter__(self) -> RetainedMessages:  # noqa: PYI034  Self needs Python 3.11
        self._session.open()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._session.close()

    def read(self, filters: Sequence[str]) -> dict[str, bytes]:
        """Return what is retained on the topics that match; too large a message has an empty payload here.

        Raises:
            LinkError: the link is lost.
        """
        self._found.clear()
        began_s = self._came_s = time.monotonic()
        self._session.subscribe(filters, 0)
        while self._session.is_skipping or time.monotonic() - self._came_s < _QUIET_S:
            if time.monotonic() - began_s > _LONGEST_READ_S:
                break
            self._session.poll(_TICK_S)
        return dict(self._found)

    def clear(self, topic: str) -> int:
        """Publish an empty retained message and return the broker's reason code.

        Raises:
            LinkError: the link is lost, or there is no answer.
        """
        number = self._session.publish(Outgoing(topic, b"", retain=True))
        deadline_s = time.monotonic() + _ANSWER_S
        while number not in self._answers:
            if time.monotonic() > deadline_s:
                raise LinkError(f"the broker does not answer for {topic}")
            self._session.poll(_TICK_S)
        return self._answers.pop(number)

    def _received(self, message: Incoming) -> None:
        if message.is_retained:
            self._found[message.topic] = message.payload
            self._came_s = time.monotonic()

    def _skipped(self, skipped: SkippedPublish) -> None:
        self._found[skipped.topic] = b""
        self._came_s = time.monotonic()
