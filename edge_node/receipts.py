"""Receipts: consumers say how far they have stored verdicts; until all have, a verdict stays in the spool.

A broker that acknowledged may still lose: its queue for a subscriber may be bounded, or forgotten when it is
killed. A receipt is the word of whoever keeps the record. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from edge_node.spool_types import Kind, Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.mqtt_session import Incoming
    from edge_node.topics import Topics

MAX_RECEIPT_BYTES = 1024


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The consumer has every verdict of ``epoch`` up to ``seq``. Publish it retained, now and then."""

    epoch: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f-]{36}\Z")]
    seq: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


_DECODER = msgspec.json.Decoder(Receipt)


class Receipts:
    """What the named consumers said; belongs to one thread."""

    def __init__(self, consumers: Sequence[str], topics: Topics) -> None:
        self._topics = topics
        self._said: dict[str, dict[str, int]] = {consumer: {} for consumer in consumers}
        self.refused = 0

    @property
    def wanted(self) -> bool:
        """True if verdicts wait for receipts."""
        return bool(self._said)

    @property
    def filters(self) -> list[str]:
        """The topics on which the consumers speak."""
        return [self._topics.receipt(consumer) for consumer in self._said]

    def note(self, message: Incoming) -> Stored | None:
        """Take a receipt and return what all consumers have by now; None if it says nothing new."""
        consumer = self._topics.consumer(message.topic)
        if consumer not in self._said:
            return None
        try:
            if len(message.payload) > MAX_RECEIPT_BYTES:
                raise msgspec.DecodeError("too large")  # noqa: TRY301  one way out for all that is no receipt
            receipt = _DECODER.decode(message.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.refused += 1
            return None
        said = self._said[consumer]
        said[receipt.epoch] = max(receipt.seq, said.get(receipt.epoch, 0))
        seq = min(by_epoch.get(receipt.epoch, 0) for by_epoch in self._said.values())
        return Stored(Kind.VERDICT, receipt.epoch, seq) if seq else None
