"""Rows that wait in memory for a full disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.messages.topics import Kind
from edge_node.spool.pending import MAX_ROWS
from edge_node.spool.rows import Keep
from edge_node.spool.spool import Spool
from tests.support.full_disk import append, codes, hog
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path


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
