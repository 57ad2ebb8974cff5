"""Hold rows and acknowledgements in memory until the writer thread commits them. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from edge_node.spool.files import MEGABYTE
from edge_node.spool.transaction import Batch

if TYPE_CHECKING:
    from edge_node.spool.rows import NewRow, Refusal, StoredUpTo

MAX_ROWS = 20_000  # a quarter of an hour at 20 verdicts/s without a disk
MAX_BYTES = 32 * MEGABYTE
BATCH_ROWS = 1000  # about 10 ms of writing


class Pending:
    """Queue rows, acknowledgements and refusals in order of arrival; not thread-safe."""

    def __init__(self) -> None:
        self.rows: deque[NewRow] = deque()
        self.acknowledged: list[int] = []
        self.refusals: list[Refusal] = []
        self.nonces: list[tuple[str, float]] = []
        self.forget_before_s = 0.0
        self.stored: list[StoredUpTo] = []
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self.rows or self.acknowledged or self.refusals or self.nonces or self.stored)

    @property
    def is_full(self) -> bool:
        """Whether one more row is too many."""
        return len(self.rows) >= MAX_ROWS or self._bytes >= MAX_BYTES

    def add(self, row: NewRow) -> None:
        """Append a row to the queue."""
        self.rows.append(row)
        self._bytes += len(row.payload)

    def give_up_one(self) -> NewRow:
        """Remove and return the oldest of the rows least worth keeping."""
        worst = min(row.keep for row in self.rows)
        index = next(i for i, row in enumerate(self.rows) if row.keep is worst)
        row = self.rows[index]
        del self.rows[index]
        self._bytes -= len(row.payload)
        return row

    def take(self) -> Batch:
        """Remove and return the next transaction's batch."""
        rows = [self.rows.popleft() for _ in range(min(BATCH_ROWS, len(self.rows)))]
        self._bytes -= sum(len(row.payload) for row in rows)
        # Only numbers of this batch: the counter on disk must not run ahead of the rows on disk.
        counters = {f"seq:{row.kind.value}": row.seq for row in rows}
        batch = Batch(
            *(rows, self.acknowledged, self.refusals, self.nonces, self.stored, counters),
            forget_before_s=self.forget_before_s,
        )
        self.acknowledged, self.refusals, self.nonces, self.stored = [], [], [], []
        return batch
