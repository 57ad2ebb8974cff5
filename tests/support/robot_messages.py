"""Messages of a robot as they come from the broker."""

from __future__ import annotations

import msgspec

from edge_node.messages.topics import Topics
from edge_node.mqtt.types import Incoming
from tests.support.verdicts import verdict

TOPICS = Topics("quay", "crawler-1")


def message(payload: bytes, topic: str = TOPICS.verdict, **user: str) -> Incoming:
    """A message as it comes."""
    return Incoming(topic, payload, is_retained=False, user=tuple(user.items()))


def changed_verdict(**fields: object) -> bytes:
    """A verdict's JSON with other values."""
    return msgspec.json.encode({**msgspec.to_builtins(verdict(7, "C")), **fields})
