"""Rows of a spool: appended, read back and settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from edge_node.spool.spool import Spool

PADDING = b"x" * 1000


def fill(spool: Spool, count: int, *, kind: Kind = Kind.VERDICT, keep: Keep = Keep.NORMAL) -> None:
    """Append ``count`` rows whose payload is their number and a kilobyte, and wait for the disk."""
    for _ in range(count):
        spool.append(kind, lambda seq: b"%d %s" % (seq, PADDING), keep=keep)
    assert spool.flush(30)


def numbers(spool: Spool, kind: Kind = Kind.VERDICT) -> list[int]:
    """The numbers of the waiting rows, in the order in which they would be sent."""
    return [row.seq for row in spool.rows(kind, limit=1_000_000)]


def settle_all(spool: Spool) -> None:
    """Say that a broker has everything, and wait until it is gone."""
    rows = [row for kind in Kind for row in spool.rows(kind, limit=1_000_000)]
    tickets = [spool.settle(row.position, urgent=True) for row in rows]
    wait_for(lambda: not tickets or spool.settled >= tickets[-1], what="deletion")
