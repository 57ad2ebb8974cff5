"""Publish receipts: up to which number verdicts are stored, so that robots may delete them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.receipt import Receipt
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import Verdict, encode
from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.sections import RoomConfig

_MAX_EPOCHS = 1000  # of all robots, whose last receipts are known
INTERVAL_S = 1.0  # a robot's send window may wait for it; each is a retained message


class ReceiptBook:
    """Track which robots are due a receipt; belongs to the ingest's thread."""

    def __init__(self, room: RoomConfig, history: History) -> None:
        self._consumer = room.receipts_as
        self._from_first_heard = room.receipts_from_first_heard
        self._history = history
        # Dictionaries keep the order: the receipt that the broker retains is of the newest epoch.
        self._touched: dict[tuple[str, str, str], None] = {}
        self._sent: dict[tuple[str, str, str], int] = {}
        self._looked_s = float("-inf")

    def begin(self) -> None:
        """Start a connection: receipts sent on the last one may be lost, so all are due again."""
        self._touched = {**dict.fromkeys(self._sent), **self._touched}
        self._sent.clear()

    def note(self, arrivals: Sequence[Arrival]) -> None:
        """Note stored verdicts; a duplicate is due a receipt too, as its robot missed the last one."""
        found = ((one.message, one.is_news) for one in arrivals if isinstance(one.message, Verdict))
        self.note_epochs(
            (verdict.site, verdict.robot, split_verdict_id(verdict.id).epoch, not is_news)
            for verdict, is_news in found
        )

    def note_epochs(self, epochs: Iterable[tuple[str, str, str, bool]]) -> None:
        """Note epochs of which verdicts were stored: site, robot, epoch, and whether they came again."""
        if self._consumer is None:
            return
        for site, robot, epoch, is_repeated in epochs:
            key = site, robot, epoch
            self._touched[key] = None
            if is_repeated:
                self._sent.pop(key, None)

    def due(self, now_s: float) -> Iterator[Outgoing]:
        """Yield the receipts to publish now."""
        if not self._touched or now_s - self._looked_s < INTERVAL_S or self._consumer is None:
            return
        self._looked_s = now_s
        touched, self._touched = self._touched, {}
        for key in touched:
            site, robot, epoch = key
            seq = self._history.stored_up_to(site, robot, epoch, from_first_heard=self._from_first_heard)
            if seq > self._sent.get(key, 0):
                self._remember(key, seq)
                topic = Topics(site, robot).receipt(self._consumer)
                yield Outgoing(topic, encode(Receipt(epoch=epoch, seq=seq)), retain=True)

    def _remember(self, key: tuple[str, str, str], seq: int) -> None:
        """Note a receipt that is sent; robots begin an epoch at each start, so the oldest are forgotten.

        A robot that missed such a receipt sends its verdicts again, and is then due another.
        """
        self._sent.pop(key, None)
        self._sent[key] = seq
        while len(self._sent) > _MAX_EPOCHS:
            del self._sent[next(iter(self._sent))]
