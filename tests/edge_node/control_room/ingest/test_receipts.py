"""Receipts from a real ingest: how far verdicts are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.support.collector import Collector
from tests.support.ingest_room import Room, robot_verdict
from tests.support.processes import Mosquitto, wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_receipts_say_how_far_verdicts_are_stored(tmp_path: Path, broker: Mosquitto) -> None:
    """Without a gap up to the number that is named, and on again when the gap is closed."""
    with Collector(broker.port, "corrosion/v1/+/+/receipt/room") as listener:
        room = Room(tmp_path / "room", broker.port, receipts_as="room")
        topic = "corrosion/v1/quay/crawler-1/verdict"
        for seq in (1, 2, 4):
            listener.publish(topic, robot_verdict("crawler-1", seq))
        wait_for(lambda: len(listener.messages) == 1, what="a receipt")
        listener.publish(topic, robot_verdict("crawler-1", 3))
        wait_for(lambda: len(listener.messages) == 2, what="the next receipt")
        said = [msgspec.json.decode(message.payload)["seq"] for message in listener.messages]
        assert said == [2, 4]
        room.close()
