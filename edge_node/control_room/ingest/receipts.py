"""Receipts: the room says how far it has stored verdicts, so that robots may let go of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.history import epoch_of
from edge_node.messages.receipt import Receipt
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import Verdict, encode
from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.settings import RoomConfig

_INTERVAL_S = 1.0  # a robot's window may wait for it; each costs a retained message


class ReceiptBook:
    """Which robots are to be told how far their verdicts are stored; belongs to the ingest's thread."""

    def __init__(self, room: RoomConfig, history: History) -> None:
        self._consumer = room.receipts_as
        self._from_first_heard = room.receipts_from_first_heard
        self._history = history
        self._touched: set[tuple[str, str, str]] = set()
        self._said: dict[tuple[str, str, str], int] = {}
        self._looked_s = float("-inf")

    def begin(self) -> None:
        """Note that a connection begins: what was said on the last one may be lost, so say it again."""
        self._touched.update(self._said)
        self._said.clear()

    def note(self, arrivals: Sequence[Arrival]) -> None:
        """Take in what was stored; a duplicate asks for a receipt too, for its robot did not get the last."""
        if self._consumer is None:
            return
        for arrival in arrivals:
            if isinstance(arrival.message, Verdict):
                verdict = arrival.message
                self._touched.add((verdict.site, verdict.robot, epoch_of(verdict)))
                if not arrival.is_news:
                    self._said.pop((verdict.site, verdict.robot, epoch_of(verdict)), None)

    def due(self, now_s: float) -> Iterator[Outgoing]:
        """Return the receipts to be published now."""
        if not self._touched or now_s - self._looked_s < _INTERVAL_S or self._consumer is None:
            return
        self._looked_s = now_s
        touched, self._touched = self._touched, set()
        for key in touched:
            site, robot, epoch = key
            seq = self._history.stored_up_to(site, robot, epoch, from_first_heard=self._from_first_heard)
            if seq > self._said.get(key, 0):
                self._said[key] = seq
                topic = Topics(site, robot).receipt(self._consumer)
                yield Outgoing(topic, encode(Receipt(epoch=epoch, seq=seq)), retain=True)
