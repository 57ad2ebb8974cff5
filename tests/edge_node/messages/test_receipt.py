"""Receipts: an epoch and a number, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.messages.receipt import Receipt

EPOCH = "01234567-89ab-4def-8123-456789abcdef"


def test_a_receipt_comes_back_as_it_was_encoded() -> None:
    """Number 0 says that nothing is stored yet."""
    receipt = Receipt(epoch=EPOCH, seq=0)
    assert msgspec.json.decode(msgspec.json.encode(receipt), type=Receipt) == receipt


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": EPOCH[:-1]},
        {"epoch": EPOCH.upper()},
        {"epoch": EPOCH + "\n"},
        {"seq": -1},
        {"seq": 2**53 + 1},
        {"seq": 1.5},
        {"seq": None},
        {"robot": "x"},
    ],
    ids=str,
)
def test_anything_else_is_refused(changes: dict) -> None:
    """A receipt deletes rows: one that is not meant so must not pass for one."""
    content = msgspec.json.encode({"epoch": EPOCH, "seq": 7, **changes})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(content, type=Receipt)
