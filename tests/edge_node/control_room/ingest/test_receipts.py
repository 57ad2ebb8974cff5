"""Receipts from a real ingest: how far verdicts are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest import receipts
from edge_node.control_room.ingest.batch_store import Arrival
from edge_node.control_room.ingest.receipts import ReceiptBook
from edge_node.control_room.sections import RoomConfig
from tests.support.collector import Collector
from tests.support.ingest_room import Room, robot_verdict
from tests.support.processes import Mosquitto, wait_for
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


def test_receipts_of_old_epochs_are_forgotten_and_the_newest_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A robot begins an epoch at each start; the receipt that the broker keeps is of the newest."""
    monkeypatch.setattr(receipts, "_MAX_EPOCHS", 5)
    history = History(tmp_path)
    book = ReceiptBook(RoomConfig(receipts_as="room"), history)
    for number in range(20):
        said = msgspec.structs.replace(verdict(1, "U"), id=f"crawler-1:{number}:1")
        history.add_verdict(said)
        book.note([Arrival(said, START, is_news=True)])
    assert len(list(book.due(0.0))) == 20
    book.begin()
    again = [msgspec.json.decode(message.payload)["epoch"] for message in book.due(9.0)]
    assert again == ["15", "16", "17", "18", "19"]
    history.close()
