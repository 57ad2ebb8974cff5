"""Sessions with a broker leave nothing behind."""

from __future__ import annotations

import gc
from pathlib import Path

from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, Outgoing


def test_connections_leave_nothing_behind(mosquitto) -> None:
    """A link that flaps for months must not eat descriptors: each connection is a client of its own."""
    endpoint = Endpoint("127.0.0.1", mosquitto.port, "flapping")

    def connect_once() -> None:
        session = Session(endpoint)
        session.open()
        session.subscribe(["x"])
        session.publish(Outgoing("x", b"y"))
        session.abandon()

    connect_once()
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        connect_once()
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
