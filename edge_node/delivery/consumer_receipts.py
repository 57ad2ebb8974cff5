"""Keep each verdict in the spool until all named consumers have sent a receipt for it.

A broker that acknowledged may still lose: its queue for a subscriber may be bounded, or forgotten when it is
killed. A receipt says that a consumer has stored all verdicts up to a number. It counts only for what the
broker acknowledged in this run: a receipt, however it came about, never deletes what was not sent. Pure; the
caller passes the time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import field

from edge_node.messages.receipt import decode_receipt
from edge_node.messages.sequence_gaps import SequenceRanges
from edge_node.messages.topics import Kind
from edge_node.plain_struct import MutableStruct
from edge_node.spool.rows import StoredRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.messages.receipt import Receipt
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Incoming
    from edge_node.spool.rows import Row

_log = logging.getLogger(__name__)


class _Epoch(MutableStruct):
    """What is known of one epoch's verdicts in this run.

    Attributes:
        stored_up_to: the highest receipt of each consumer.
        most_sent: the highest number that was sent.
        parked: numbers that the broker has, and that are still in the spool.
        mark: a number, and by when all consumers should have it.
    """

    stored_up_to: dict[str, int]
    most_sent: int = 0
    parked: SequenceRanges = field(default_factory=SequenceRanges)
    mark: tuple[int, float] | None = None

    @property
    def stored(self) -> int:
        """The number up to which all consumers have stored the verdicts."""
        return min(self.stored_up_to.values())


class ConsumerReceipts:
    """Remember what the named consumers have stored; belongs to one thread.

    A consumer that sends receipts and lacks what was sent long ago will not get it from the broker any more:
    then all that no receipt covers is to be sent again. One that is silent may still have it in its queue.
    """

    def __init__(self, consumers: Sequence[str], topics: Topics, patience_s: float) -> None:
        """Begin with nothing stored.

        Args:
            consumers: all of them must have a verdict.
            topics: of this robot.
            patience_s: how long after it was sent a verdict may be missing.
        """
        self._consumers = tuple(consumers)
        self._names = [topics]
        self._patience_s = patience_s
        self._epochs: dict[str, _Epoch] = {}
        self._told: set[str] = set()
        self._missing = False
        self.refused = 0

    @property
    def wanted(self) -> bool:
        """True if verdicts wait for receipts."""
        return bool(self._consumers)

    @property
    def filters(self) -> list[str]:
        """The topics on which the consumers send receipts."""
        return [topics.receipt(consumer) for topics in self._names for consumer in self._consumers]

    def also_of(self, former: Sequence[Topics]) -> None:
        """Expect receipts below former names of this robot too, of which verdicts still wait."""
        self._names = list(dict.fromkeys([self._names[0], *former]))

    def sent(self, row: Row) -> None:
        """Note that a row was sent."""
        if self.wanted and row.kind is Kind.VERDICT:
            epoch = self._epochs.setdefault(row.epoch, _Epoch(dict.fromkeys(self._consumers, 0)))
            epoch.most_sent = max(epoch.most_sent, row.seq)

    def parked(self, row: Row, now_s: float) -> bool:
        """Note that the broker has a verdict that was sent; return False if all consumers have it already."""
        epoch = self._epochs[row.epoch]
        if row.seq <= epoch.stored:
            return False
        epoch.parked.add(row.seq)
        if epoch.mark is None:
            epoch.mark = epoch.most_sent, now_s + self._patience_s
        return True

    def note(self, message: Incoming, now_s: float) -> list[StoredRange]:
        """Take a receipt and return what all consumers have by now, of what the broker acknowledged.

        A receipt for what was not sent in this run is ignored: the broker kept an old one, or it is false.
        """
        named = (topics.consumer(message.topic) for topics in self._names)
        consumer = next((one for one in named if one in self._consumers), None)
        if consumer is None:
            return []
        receipt = decode_receipt(message.payload)
        if receipt is None:
            self.refused += 1
            return []
        epoch = self._epochs.get(receipt.epoch)
        if epoch is None or receipt.seq > epoch.most_sent:
            self._tell(consumer, receipt)
        else:
            epoch.stored_up_to[consumer] = max(receipt.seq, epoch.stored_up_to[consumer])
        if not message.is_retained:  # one that the broker kept is no sign that its consumer is there
            self._look_for_missing(consumer, now_s)
        if epoch is None:
            return []
        ranges = epoch.parked.take_up_to(epoch.stored)
        return [StoredRange(Kind.VERDICT, receipt.epoch, first, last) for first, last in ranges]

    def take_missing(self) -> bool:
        """Tell whether what is not stored must be sent again; once."""
        missing, self._missing = self._missing, False
        return missing

    def _tell(self, consumer: str, receipt: Receipt) -> None:
        """Count a receipt that is ignored, and log the first of each consumer."""
        self.refused += 1
        if consumer not in self._told:
            self._told.add(consumer)
            _log.info(
                "receipt of %s for verdict %d of epoch %s: ignored until the broker has that verdict again,"
                " because it was not sent since this start",
                consumer,
                receipt.seq,
                receipt.epoch,
            )

    def _look_for_missing(self, consumer: str, now_s: float) -> None:
        """Compare what the consumer has with each epoch's mark, and set the next at what was sent last."""
        for epoch in self._epochs.values():
            if epoch.mark is None:
                continue
            seq, by_s = epoch.mark
            in_time = epoch.stored >= seq
            if in_time or (now_s > by_s and epoch.stored_up_to[consumer] < seq):
                self._missing |= not in_time
                has_more = epoch.stored < epoch.most_sent
                epoch.mark = (epoch.most_sent, now_s + self._patience_s) if has_more else None
