"""What one transaction of the spool does, and how it can end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_node.messages.topics import Kind
    from edge_node.spool.rows import Keep, NewRow, Refusal, StoredUpTo


class DamagedError(Exception):
    """The file is no whole spool; never leaves the spool's modules."""


class DiskError(Exception):
    """The file cannot be read or written now, and perhaps can later; never leaves the spool's modules."""

    def __init__(self, text: str, *, full: bool) -> None:
        super().__init__(text)
        self.full = full


@dataclass(slots=True)
class Batch:
    """What one transaction does."""

    rows: list[NewRow] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    nonces: list[tuple[str, float]] = field(default_factory=list)
    stored: list[StoredUpTo] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rows or self.settled or self.refused or self.nonces or self.stored)

    @property
    def must_last(self) -> bool:
        """Whether a power cut may not undo it; what else there is would be done again, and no more."""
        return bool(self.rows or self.nonces)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that was given up for the bound on the disk."""

    kind: Kind
    keep: Keep
    seq: int


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a transaction: by how much the number of waiting rows changed, and what was given up."""

    change: int
    dropped: tuple[Dropped, ...] = ()
