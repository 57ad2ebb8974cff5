"""Rows that wait in memory for a full disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.messages.topics import Kind
from edge_node.spool import pending
from edge_node.spool.chain import LAST_VERDICT, parse_end
from edge_node.spool.losses import MAX_RANGES
from edge_node.spool.pending import MAX_ROWS, Pending
from edge_node.spool.rows import Keep, NewRow
from edge_node.spool.spool import Spool
from tests.support.full_disk import append, codes, hog
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.spool.transaction import Batch


def test_what_memory_cannot_hold_either_is_counted(disk: Path) -> None:
    """With the disk full for long, the least worth keeping is refused, and every refusal is counted."""
    spool = Spool.open(disk / "spool.sqlite", SpoolConfig(reserve_mb=0))
    filler = hog(disk)
    append(spool, 10, Keep.HIGH)
    wait_for(lambda: "disk_full" in codes(spool), what="alarm")
    for _ in range(MAX_ROWS - 10):
        spool.append(Kind.VERDICT, lambda seq: b"%d" % seq, keep=Keep.LOW)
    for _ in range(50):
        spool.append(Kind.VERDICT, lambda seq: b"%d" % seq, keep=Keep.HIGH)
    refused = spool.depth().refused
    assert 30 <= refused <= 50  # those that the writer has in hand do not count against the bound
    assert not spool.flush(0.1)
    filler.unlink()
    wait_for(lambda: spool.depth().in_memory == 0, what="recovery")
    found = spool.rows(Kind.VERDICT, limit=100_000)
    assert len(found) == MAX_ROWS + 50 - refused - spool.depth().dropped
    assert sum(row.keep is Keep.HIGH for row in found) == 60
    lost = {seq for one in spool.given_up() for seq in range(one.first, one.last + 1)}
    assert lost == set(range(1, MAX_ROWS + 51)) - {row.seq for row in found}
    spool.close()


def test_the_last_verdict_of_a_batch_is_before_the_first_that_waits(monkeypatch) -> None:
    """One that was given up counts, too, but not ahead of an older one that is not on disk yet."""
    monkeypatch.setattr(pending, "BATCH_ROWS", 2)
    queue = Pending()
    for seq, keep in ((1, Keep.HIGH), (2, Keep.HIGH), (3, Keep.HIGH), (4, Keep.LOW)):
        queue.add(NewRow(Kind.VERDICT, seq, "e", keep, 0.0, b"%d" % seq))
    queue.give_up_one(refused=1)

    def last(batch: Batch) -> int | None:
        end = parse_end(batch.meta.get(LAST_VERDICT))
        return end.seq if end else None

    first = queue.take()
    assert ([row.seq for row in first.rows], last(first)) == ([1, 2], 2)
    assert [(one.first, one.last) for one in first.given_up] == [(4, 4)]
    assert first.meta["refused"] == 1
    second = queue.take()
    assert ([row.seq for row in second.rows], last(second)) == ([3], 4)
    queue.acknowledged.append(7)
    assert queue.take().meta == {}
    queue.add(NewRow(Kind.VERDICT, 5, "e", Keep.LOW, 0.0, b"5"))
    queue.give_up_one(refused=2)
    assert last(queue.take()) == 5


def test_a_disk_that_is_away_for_days_costs_no_memory_and_no_time_when_it_is_back(monkeypatch) -> None:
    """Of what is given up only ranges are remembered, bounded; the end of the chain on disk stays right."""
    monkeypatch.setattr(pending, "MAX_ROWS", 60)
    queue, kept = Pending(), Keep.NORMAL
    for seq in range(1, 30_001):
        if queue.is_full:
            queue.give_up_one(refused=1)
        queue.add(NewRow(Kind.VERDICT, seq, "e", kept if seq % 3 == 0 else Keep.LOW, 0.0, b"%d" % seq))
    assert len(queue._lost_ends) <= 60
    waiting = {row.seq for row in queue.rows}
    batch = queue.take()
    assert len(batch.given_up) <= MAX_RANGES
    named = [seq for one in batch.given_up for seq in range(one.first, one.last + 1)]
    assert not set(named) & waiting
    assert len(named) == len(set(named)) > 10_000
    end = parse_end(batch.meta[LAST_VERDICT])
    assert end is not None
    assert end.seq == 30_000
