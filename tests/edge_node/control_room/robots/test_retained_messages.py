"""Retained messages of a real broker: read, also where a robot goes on talking, and cleared."""

from __future__ import annotations

import pytest

from edge_node.control_room.robots.retained_messages import RetainedMessages
from edge_node.mqtt.types import Endpoint, LinkError
from tests.support.collector import Collector
from tests.support.processes import free_port


def test_only_what_is_retained_is_read_and_what_is_cleared_is_gone(mosquitto) -> None:
    """What is larger than any message of a robot is named without its content."""
    with Collector(mosquitto.port, "nothing") as client:
        client.publish("a/small", b"x", retain=True)
        client.publish("a/large", bytes(1_000_000), retain=True)
        client.publish("b", b"x", retain=True)
        with RetainedMessages(Endpoint("127.0.0.1", mosquitto.port, "reader")) as retained:
            client.publish("a/live", b"x")
            assert retained.read(["a/#"]) == {"a/small": b"x", "a/large": b""}
            assert retained.clear("a/large") < 0x80
            assert retained.clear("a/never there") < 0x80
            assert retained.read(["a/#", "b"]) == {"a/small": b"x", "b": b"x"}


def test_a_broker_that_is_not_there_is_told() -> None:
    """In the sentence of the link."""
    reader = RetainedMessages(Endpoint("127.0.0.1", free_port(), "reader"))
    with pytest.raises(LinkError, match="Connection refused"):
        reader.__enter__()
