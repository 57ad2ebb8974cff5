"""Receipts of what any process stored, by one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.changes import Changes, insert_changes
from edge_node.control_room.sections import RoomConfig
from edge_node.control_room.sharing.shared_receipts import SharedReceipts
from edge_node.messages.receipt import decode_receipt
from edge_node.messages.verdict import Verdict
from tests.support.ingest_room import robot_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOM = RoomConfig(receipts_as="room")


class Store:
    """A history that other processes fill."""

    def __init__(self, folder: Path) -> None:
        self.history = History(folder)

    def store(self, *numbers: int, again: bool = False) -> None:
        """Store verdicts, as a member of the group does."""
        for number in numbers:
            found = msgspec.json.decode(robot_verdict("crawler-1", number), type=Verdict)
            self.history.add_verdict(found)
        epoch = found.id.split(":")[1]
        insert_changes(self.history.database, Changes(epochs=(("quay", "crawler-1", epoch, again),)))

    def due(self, receipts: SharedReceipts, now_s: float) -> list[int]:
        """The numbers that receipts name."""
        found = [decode_receipt(message.payload) for message in receipts.due(now_s)]
        return [receipt.seq for receipt in found if receipt is not None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty history."""
    made = Store(tmp_path)
    yield made
    made.history.close()


def test_a_receipt_names_what_all_members_stored_without_a_gap(store: Store) -> None:
    """One member stored 1 and 3, the other 2 later: first up to 1, then up to 3, at most once a second."""
    receipts = SharedReceipts(ROOM, store.history)
    store.store(1, 3)
    assert store.due(receipts, 10.0) == [1]
    store.store(2)
    assert store.due(receipts, 10.5) == []
    assert store.due(receipts, 11.0) == [3]
    assert store.due(receipts, 12.0) == []


def test_what_came_again_gets_its_receipt_again(store: Store) -> None:
    """The robot missed it, or would not send again."""
    receipts = SharedReceipts(ROOM, store.history)
    store.store(1)
    assert store.due(receipts, 10.0) == [1]
    store.store(1, again=True)
    assert store.due(receipts, 11.0) == [1]


def test_who_takes_over_sends_what_the_one_before_may_have_left_unsent(store: Store) -> None:
    """A process that died between the commit and the receipt leaves its notes."""
    store.store(1, 2)
    assert store.due(SharedReceipts(ROOM, store.history), 10.0) == [2]
