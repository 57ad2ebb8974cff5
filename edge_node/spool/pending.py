"""Hold rows and acknowledgements in memory until the writer thread commits them. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from edge_node.messages.topics import Kind
from edge_node.spool.chain import LAST_VERDICT, end_at, format_end
from edge_node.spool.files import MEGABYTE
from edge_node.spool.losses import MAX_RANGES, one_given_up
from edge_node.spool.transaction import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.messages.checkpoint import GivenUp
    from edge_node.messages.verdict import EpochEnd
    from edge_node.spool.rows import NewRow, Refusal, StoredRange

MAX_ROWS = 20_000  # a quarter of an hour at 20 verdicts/s without a disk
MAX_BYTES = 32 * MEGABYTE
BATCH_ROWS = 1000  # about 10 ms of writing
_MAY_WAIT = (Kind.VERDICT, Kind.SHADOW)  # for `[spool] commit_interval_ms`


class Pending:
    """Queue rows, acknowledgements and refusals in order of arrival; not thread-safe.

    Attributes:
        is_urgent: the next transaction must not wait for more to share it.
        delivered: positions that were settled, and that are still on disk.
    """

    def __init__(self) -> None:
        self.is_urgent = False
        self.rows: deque[NewRow] = deque()
        self.delivered: set[int] = set()
        self.acknowledged: list[int] = []
        self.refusals: list[Refusal] = []
        self._tickets = 0
        self.nonces: list[tuple[str, float]] = []
        self.forget_before_s = 0.0
        self.stored: list[StoredRange] = []
        self._given_up: deque[GivenUp] = deque(maxlen=MAX_RANGES)
        self._lost_ends: list[EpochEnd] = []  # in order; of verdicts between two that wait the last
        self._meta: dict[str, str | int] = {}
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
        self.is_urgent |= row.kind not in _MAY_WAIT or len(self.rows) >= BATCH_ROWS

    def settle(self, positions: Sequence[int]) -> int:
        """Queue the deletion of rows that a broker has; return the number of rows settled and refused."""
        self.acknowledged += positions
        self.delivered.update(positions)
        self._tickets += len(positions)
        return self._tickets

    def refuse(self, refusal: Refusal) -> int:
        """Queue a row's move into quarantine; return the same."""
        self.refusals.append(refusal)
        self._tickets += 1
        return self._tickets

    def give_up_one(self, refused: int) -> None:
        """Remove the oldest of the rows least worth keeping; ``refused`` of them are counted with it."""
        worst = min(row.keep for row in self.rows)
        index = next(i for i, row in enumerate(self.rows) if row.keep is worst)
        row = self.rows[index]
        del self.rows[index]
        self._bytes -= len(row.payload)
        if row.kind is Kind.VERDICT:
            self._note_given_up(one_given_up(row.epoch, row.seq, row.payload))
            self._note_lost(_end_of(row))
        self._meta["refused"] = refused

    def take(self) -> Batch:
        """Remove and return the next transaction's batch."""
        rows = [self.rows.popleft() for _ in range(min(BATCH_ROWS, len(self.rows)))]
        self._bytes -= sum(len(row.payload) for row in rows)
        if (end := self._take_end(rows)) is not None:
            self._meta[LAST_VERDICT] = format_end(end)
        batch = Batch(
            *(
                rows,
                self.acknowledged,
                self.refusals,
                self.nonces,
                self.stored,
                list(self._given_up),
                self._meta,
            ),
            forget_before_s=self.forget_before_s,
        )
        self.acknowledged, self.refusals, self.nonces, self.stored = [], [], [], []
        self._given_up.clear()
        self._meta = {}
        self.is_urgent = len(self.rows) >= BATCH_ROWS
        return batch

    def _note_given_up(self, lost: GivenUp) -> None:
        last = self._given_up[-1] if self._given_up else None
        if last is not None and (last.epoch, last.last + 1) == (lost.epoch, lost.first):
            self._given_up[-1] = msgspec.structs.replace(last, last=lost.last)
        else:
            self._given_up.append(lost)

    def _note_lost(self, lost: EpochEnd) -> None:
        """Remember the end of the chain if ``lost`` is it, in bounds: the disk may be away for days."""
        insort(self._lost_ends, lost, key=_seq)
        del self._lost_ends[: max(0, self._count_passed() - 1)]
        if len(self._lost_ends) > 1 and self._lost_ends[-2].seq + 1 == self._lost_ends[-1].seq:
            del self._lost_ends[-2]

    def _count_passed(self) -> int:
        """Return how many of the lost ends are before the first verdict that waits."""
        waiting = next((row.seq for row in self.rows if row.kind is Kind.VERDICT), None)
        return len(self._lost_ends) if waiting is None else bisect_left(self._lost_ends, waiting, key=_seq)

    def _take_end(self, rows: list[NewRow]) -> EpochEnd | None:
        """Return the last verdict before the first that still waits: in this batch, or given up.

        What is on disk must not run ahead of the rows on disk.
        """
        passed = self._count_passed()
        ends, self._lost_ends = self._lost_ends[:passed], self._lost_ends[passed:]
        verdict = next((row for row in reversed(rows) if row.kind is Kind.VERDICT), None)
        if verdict is not None:
            ends.append(_end_of(verdict))
        return max(ends, key=lambda end: end.seq, default=None)


def _end_of(verdict: NewRow) -> EpochEnd:
    return verdict.end or end_at(verdict.epoch, verdict.seq, verdict.payload)


def _seq(end: EpochEnd) -> int:
    return end.seq
