"""Find out which receipts are due from what all processes of a room stored; one of them publishes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.processes.changes import ChangeReader
from edge_node.control_room.ingest.receipts import INTERVAL_S, ReceiptBook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.sections import RoomConfig
    from edge_node.mqtt.types import Outgoing


class SharedReceipts:
    """Receipts of a room of several processes; belongs to the thread of the upkeep's ingest.

    It begins with all notes that are kept: whoever published before may have died with receipts unsent.
    """

    def __init__(self, room: RoomConfig, history: History) -> None:
        """Begin to read the notes of ``history``.

        Raises:
            HistoryError: the history cannot be read.
        """
        self._book = ReceiptBook(room, history)
        self._reader = ChangeReader(history.database, from_oldest=True)
        self._looked_s = float("-inf")

    def begin(self) -> None:
        """Start a connection: receipts sent on the last one may be lost, so all are due again."""
        self._book.begin()

    def note(self, arrivals: Sequence[Arrival]) -> None:
        """Take nothing from this process alone: the notes name what all of them stored."""

    def due(self, now_s: float) -> Iterator[Outgoing]:
        """Yield the receipts to publish now.

        Raises:
            HistoryError: the history cannot be read.
        """
        if now_s - self._looked_s < INTERVAL_S:
            return
        self._looked_s = now_s
        for changes in self._reader.read():
            self._book.note_epochs(changes.epochs)
        yield from self._book.due(now_s)
