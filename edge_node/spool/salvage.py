"""Read every undamaged row of a damaged spool, by halving ranges of positions around damaged pages."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from edge_node.spool import losses, nonces
from edge_node.spool.database import parse_whole_row
from edge_node.spool.schema import COLUMNS
from edge_node.spool.transaction import DamagedError, DiskError, open_for_salvage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from edge_node.messages.checkpoint import GivenUp
    from edge_node.spool.rows import Row

    Query: TypeAlias = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

_STEP = 256
_UNREADABLE = (DamagedError, DiskError)


def salvage(path: Path) -> Iterator[Row]:
    """Yield every undamaged row of the spool at ``path``, in order of position."""
    with contextlib.suppress(*_UNREADABLE), open_for_salvage(path) as query:
        first, last = _read_bounds(query)
        for start in range(first, last + 1, _STEP):
            yield from _read_range(query, start, min(start + _STEP - 1, last))


def salvage_last_position(path: Path) -> int:
    """Return the highest position that can be read from the damaged spool at ``path``, or 0."""
    with contextlib.suppress(*_UNREADABLE), open_for_salvage(path) as query:
        return _read_bounds(query)[1]
    return 0


def salvage_meta(path: Path) -> dict[str, Any]:
    """Return what can be read of the damaged spool's own values."""
    with contextlib.suppress(*_UNREADABLE, TypeError, ValueError), open_for_salvage(path) as query:
        return dict(query("SELECT name, value FROM meta", ()))
    return {}


def salvage_given_up(path: Path) -> list[GivenUp]:
    """Return what can be read of the ranges that the damaged spool had given up."""
    with contextlib.suppress(*_UNREADABLE), open_for_salvage(path) as query:
        return losses.parse(query(losses.SELECT, ()))
    return []


def salvage_nonces(path: Path) -> list[tuple[str, float]]:
    """Return what can be read of the ids of commands that were taken, with when each expires."""
    with contextlib.suppress(*_UNREADABLE), open_for_salvage(path) as query:
        found = query(nonces.SELECT, ())
        return [(name, at) for name, at in found if isinstance(name, str) and isinstance(at, float)]
    return []


def _read_range(query: Query, first: int, last: int) -> Iterator[Row]:
    """Yield the undamaged rows between two positions, halving the range where a page is damaged."""
    text = f"SELECT {COLUMNS} FROM message WHERE position BETWEEN ? AND ? ORDER BY position"  # noqa: S608  columns are a constant
    try:
        found = query(text, (first, last))
    except _UNREADABLE:
        if first < last:
            middle = (first + last) // 2
            yield from _read_range(query, first, middle)
            yield from _read_range(query, middle + 1, last)
        return
    for values in found:
        row = parse_whole_row(values)
        if row is not None and first <= row.position <= last:
            yield row


def _read_bounds(query: Query) -> tuple[int, int]:
    """Return the first and the last position that a damaged file may hold."""
    found: list[int] = []
    for text in (
        "SELECT min(position) FROM message",
        "SELECT max(position) FROM message",
        "SELECT seq FROM sqlite_sequence WHERE name = 'message'",
    ):
        with contextlib.suppress(*_UNREADABLE, TypeError, ValueError, OverflowError, IndexError):
            found.append(int(query(text, ())[0][0]))
    # A damaged number may be huge; no spool holds more rows at once than this.
    last = max(found, default=0)
    return max(min(found, default=1), last - 5_000_000), last
