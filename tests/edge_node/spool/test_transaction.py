"""Transactions of the spool: which are worth a commit, and which a wait for the disk. Pure."""

from __future__ import annotations

from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep, NewRow, Refusal, StoredRange
from edge_node.spool.transaction import Batch

ROW = NewRow(Kind.VERDICT, 1, "epoch", Keep.NORMAL, 0.0, b"x")


def test_rows_and_taken_commands_may_not_be_lost_deletions_may_be_repeated() -> None:
    """After a power cut a deletion is done again; a row or a nonce that was promised is there."""
    for batch in (Batch(rows=[ROW]), Batch(nonces=[("id", 4e9)])):
        assert batch
        assert batch.must_last
    deletions = (
        Batch(settled=[1]),
        Batch(refused=[Refusal(1, 0x95, "too large")]),
        Batch(stored=[StoredRange(Kind.VERDICT, "epoch", 1, 7)]),
    )
    for batch in deletions:
        assert batch
        assert not batch.must_last


def test_values_alone_are_no_reason_for_a_transaction() -> None:
    """They are saved with what changed them."""
    assert not Batch(meta={"last_verdict": "x"})
