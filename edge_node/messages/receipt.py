"""Define and decode the receipt message: a consumer has stored every verdict up to a sequence number."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge_node.validation import text_rule

MAX_RECEIPT_BYTES = 1024


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The consumer has stored every verdict of an epoch up to a number. Publish it retained, now and then.

    Attributes:
        epoch: epoch of the verdicts: the middle part of their ids.
        seq: number up to which every verdict is stored.
    """

    epoch: Annotated[str, text_rule(r"^[0-9a-f-]{36}\Z", "an epoch: 36 hexadecimal digits and -")]
    seq: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


def decode_receipt(payload: bytes) -> Receipt | None:
    """Return the receipt in a message; None if it holds none."""
    if len(payload) > MAX_RECEIPT_BYTES:
        return None
    try:
        return msgspec.json.decode(payload, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
