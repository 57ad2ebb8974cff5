"""Define a transaction of the spool, its result and its errors. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_node.messages.checkpoint import GivenUp
    from edge_node.messages.topics import Kind
    from edge_node.spool.rows import Keep, NewRow, Refusal, StoredRange


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
        given_up: verdicts that were lost before they reached the disk.
        meta: the spool's own values that change with the rows.
        forget_before_s: with new nonces, those that expired before this Unix time are deleted.
    """

    rows: list[NewRow] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    nonces: list[tuple[str, float]] = field(default_factory=list)
    stored: list[StoredRange] = field(default_factory=list)
    given_up: list[GivenUp] = field(default_factory=list)
    meta: dict[str, str | int] = field(default_factory=dict)
    forget_before_s: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.rows or self.settled or self.refused or self.nonces or self.stored)

    @property
    def must_last(self) -> bool:
        """Whether it must be synced: rows and nonces may not be lost; deletions may be repeated."""
        return bool(self.rows or self.nonces)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that was dropped because the bound on disk was reached; ``given_up`` if it was a verdict."""

    kind: Kind
    keep: Keep
    given_up: GivenUp | None = None

    @property
    def counter(self) -> str:
        """Name of the count of such rows."""
        return f"dropped:{self.kind.value}:{self.keep.name.lower()}"


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a transaction: the change in the number of waiting rows, and the rows dropped."""

    change: int
    dropped: tuple[Dropped, ...] = ()
