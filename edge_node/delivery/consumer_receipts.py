"""Keep each verdict in the spool until all named consumers have sent a receipt for it.

A broker that acknowledged may still lose: its queue for a subscriber may be bounded, or forgotten when it is
killed. A receipt says that a consumer has stored all verdicts up to a number. Pure; the caller passes the
time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.messages.receipt import decode_receipt
from edge_node.messages.topics import Kind
from edge_node.spool.rows import StoredUpTo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.messages.receipt import Receipt
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Incoming
    from edge_node.spool.rows import Row


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
        self._topics = topics
        self._patience_s = patience_s
        self._stored_up_to: dict[str, dict[str, int]] = {consumer: {} for consumer in consumers}
        self._most_sent: dict[str, int] = {}
        self._mark: tuple[str, int, float] | None = None  # epoch, number, by when all should have it
        self._missing = False
        self.refused = 0

    @property
    def wanted(self) -> bool:
        """True if verdicts wait for receipts."""
        return bool(self._stored_up_to)

    @property
    def filters(self) -> list[str]:
        """The topics on which the consumers send receipts."""
        return [self._topics.receipt(consumer) for consumer in self._stored_up_to]

    def begin(self, epoch: str, seq: int) -> None:
        """Note that verdicts up to ``seq`` may have been sent before."""
        self._most_sent[epoch] = seq

    def sent(self, row: Row) -> None:
        """Note that a row was sent."""
        if row.kind is Kind.VERDICT and row.seq > self._most_sent.get(row.epoch, 0):
            self._most_sent[row.epoch] = row.seq

    def parked(self, row: Row, now_s: float) -> None:
        """Note that the broker has a verdict."""
        if self._mark is None:
            self._mark = (row.epoch, self._most_sent.get(row.epoch, row.seq), now_s + self._patience_s)

    def note(self, message: Incoming, now_s: float) -> StoredUpTo | None:
        """Take a receipt and return what all consumers have by now; None if it is not one, or they have none.

        A receipt for what was never sent is refused: it would delete verdicts that nobody has.
        """
        consumer = self._topics.consumer(message.topic)
        if consumer not in self._stored_up_to:
            return None
        receipt = decode_receipt(message.payload)
        if receipt is None or receipt.seq > self._most_sent.get(receipt.epoch, receipt.seq):
            self.refused += 1
            return None
        by_epoch = self._stored_up_to[consumer]
        by_epoch[receipt.epoch] = max(receipt.seq, by_epoch.get(receipt.epoch, 0))
        self._look_for_missing(receipt, now_s)
        seq = self._stored(receipt.epoch)
        return StoredUpTo(Kind.VERDICT, receipt.epoch, seq) if seq else None

    def take_missing(self) -> bool:
        """Tell whether what is not stored must be sent again; once."""
        missing, self._missing = self._missing, False
        return missing

    def _look_for_missing(self, receipt: Receipt, now_s: float) -> None:
        """Compare with the mark, and set the next one at what was sent last."""
        if self._mark is None or self._mark[0] != receipt.epoch:
            return
        epoch, seq, by_s = self._mark
        in_time = self._stored(epoch) >= seq
        if in_time or (now_s > by_s and receipt.seq < seq):
            self._missing |= not in_time
            most = self._most_sent[epoch]
            self._mark = (epoch, most, now_s + self._patience_s) if self._stored(epoch) < most else None

    def _stored(self, epoch: str) -> int:
        return min(by_epoch.get(epoch, 0) for by_epoch in self._stored_up_to.values())
