"""Record in the spool's file what was given up: counts, and verdicts until a checkpoint names them.

Its functions run statements in the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from edge_node.messages.checkpoint import GivenUp
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import Sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge_node.spool.transaction import Dropped

    Execute: TypeAlias = Callable[[str, Sequence[Any]], Any]

SELECT = "SELECT epoch, first, last, previous_sha256 FROM given_up ORDER BY position"
MAX_RANGES = 10_000  # a megabyte; beyond that the oldest are forgotten, and show as gaps that nobody named


class _Link(msgspec.Struct):
    previous_sha256: Sha256 | None = None


def one_given_up(epoch: str, seq: int, payload: bytes) -> GivenUp:
    """Return the range of one verdict; its payload says what came before it."""
    try:
        previous_sha256 = msgspec.json.decode(payload, type=_Link).previous_sha256
    except (msgspec.MsgspecError, ValueError, TypeError):
        previous_sha256 = None  # damaged, or of a version without the chain
    return GivenUp(epoch=epoch, first=seq, last=seq, previous_sha256=previous_sha256)


def find(execute: Execute, positions: Iterable[int]) -> dict[int, GivenUp]:
    """Return the verdicts among the rows at ``positions``, which are about to be deleted."""
    found = {}
    for position in positions:
        row = execute(
            "SELECT epoch, seq, payload FROM message WHERE position = ? AND kind = ?",
            (position, Kind.VERDICT.value),
        ).fetchone()
        if row is not None:
            found[position] = one_given_up(*row)
    return found


def record(execute: Execute, lost: Iterable[GivenUp], dropped: Sequence[Dropped] = ()) -> None:
    """Insert the ranges ``lost``, and count and insert the rows ``dropped``."""
    for name, count in Counter(row.counter for row in dropped).items():
        execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, count),
        )
    verdicts = [*lost, *(row.given_up for row in dropped if row.given_up is not None)]
    for found in sorted(verdicts, key=lambda one: (one.epoch, one.first)):
        _insert(execute, found)


def forget(execute: Execute, ranges: Iterable[GivenUp]) -> None:
    """Delete ``ranges``, which a checkpoint names; one that grew since is named again."""
    for named in ranges:
        execute(
            "DELETE FROM given_up WHERE epoch = ? AND first = ? AND last = ?",
            (named.epoch, named.first, named.last),
        )


def parse(rows: Iterable[Sequence[Any]]) -> list[GivenUp]:
    """Return the ranges in rows of ``SELECT``; what is damaged is left out."""
    found = []
    for row in rows:
        try:
            found.append(msgspec.convert(dict(zip(GivenUp.__struct_fields__, row, strict=True)), GivenUp))
        except (msgspec.ValidationError, ValueError):
            continue
    return found


def _insert(execute: Execute, found: GivenUp) -> None:
    """Insert a range; if it continues the last row, extend that."""
    extended = execute(
        "UPDATE given_up SET last = ? WHERE position = (SELECT max(position) FROM given_up)"
        " AND epoch = ? AND last = ?",
        (found.last, found.epoch, found.first - 1),
    ).rowcount
    if not extended:
        execute(
            "INSERT INTO given_up (epoch, first, last, previous_sha256) VALUES (?, ?, ?, ?)",
            (found.epoch, found.first, found.last, found.previous_sha256),
        )
        execute("DELETE FROM given_up WHERE position <= last_insert_rowid() - ?", (MAX_RANGES,))
