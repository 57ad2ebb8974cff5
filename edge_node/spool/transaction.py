"""Define a transaction of the spool, its result and its errors. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_node.messages.topics import Kind
    from edge_node.spool.rows import Keep, NewRow, Refusal, StoredUpTo


class DamagedError(Exception):
    """The file is damaged or no spool; never leaves this package."""


class DiskError(Exception):
    """The file cannot be read or written now, but perhaps later; never leaves this package."""

    def __init__(self, text: str, *, full: bool) -> None:
        super().__init__(text)
        self.full = full


@dataclass(slots=True)
class Batch:
    """All changes of one transaction.

    Attributes:
        forget_before_s: with new nonces, those that expired before this Unix time are deleted.
    """

    rows: list[NewRow] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    nonces: list[tuple[str, float]] = field(default_factory=list)
    stored: list[StoredUpTo] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    forget_before_s: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.rows or self.settled or self.refused or self.nonces or self.stored)

    @property
    def must_last(self) -> bool:
        """Whether it must be synced: rows and nonces may not be lost; deletions may be repeated."""
        return bool(self.rows or self.nonces)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that was dropped because the bound on disk was reached."""

    kind: Kind
    keep: Keep
    seq: int


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a transaction: the change in the number of waiting rows, and the rows dropped."""

    change: int
    dropped: tuple[Dropped, ...] = ()
