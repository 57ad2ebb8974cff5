"""Keeping the history within its bounds: the oldest verdicts, closed findings and pictures go first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history import queries as searching
from edge_node.control_room.history import sequence_gaps as arrived

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_node.control_room.history.database import Database

MAX_RANGES = 5000  # of numbers that came, kept for one epoch: who sends each second number only wears it out
_TRIM_ROWS = 2000


def trim(database: Database, *, max_bytes: int, max_picture_bytes: int, before_us: int | None) -> int:
    """Give up what is beyond the bounds, or came before ``before_us``; return how many rows."""
    gone = 0
    if before_us is not None:
        gone += _drop_before(database, before_us)
    while searching.picture_bytes(database) > max_picture_bytes:
        gone += (dropped := _drop_pictures(database))
        if not dropped:
            break
    while database.used_bytes() > max_bytes + searching.picture_bytes(database):
        gone += (dropped := _drop_oldest(database, _TRIM_ROWS))
        if not dropped:
            break
    _join_ranges(database)
    return gone


def _drop_before(database: Database, before_us: int) -> int:
    with database.transaction():
        gone = _drop(
            database, "SELECT position FROM verdict WHERE received_us < ? ORDER BY position", (before_us,)
        )
        gone += database.write("DELETE FROM finding WHERE NOT is_open AND received_us < ?", (before_us,))
        gone += database.write("DELETE FROM response WHERE received_us < ?", (before_us,))
        gone += database.write("DELETE FROM picture WHERE received_us < ?", (before_us,))
    return gone


def _drop_oldest(database: Database, rows: int) -> int:
    return _drop(database, "SELECT position FROM verdict ORDER BY position LIMIT ?", (rows,))


def _drop(database: Database, which: str, values: Iterable[int]) -> int:
    with database.transaction():
        database.write(f"DELETE FROM verdict_message WHERE position IN ({which})", tuple(values))
        return database.write(f"DELETE FROM verdict WHERE position IN ({which})", tuple(values))


def _drop_pictures(database: Database) -> int:
    """Give up old pictures, full ones first: their thumbnails are 10 kB."""
    return database.write(
        "DELETE FROM picture WHERE picture_key IN"
        " (SELECT picture_key FROM picture ORDER BY is_thumbnail, picture_key LIMIT 20)"
    )


def _join_ranges(database: Database) -> None:
    """Forget the oldest gaps of an epoch that has too many."""
    for epoch_key, ranges in arrived.torn_epochs(database, MAX_RANGES):
        with database.transaction():
            edge = database.peek(
                "SELECT max(last_seq), min(first_seq) FROM (SELECT first_seq, last_seq FROM arrived"
                " WHERE epoch_key = ? ORDER BY first_seq LIMIT ?)",
                (epoch_key, ranges - MAX_RANGES // 2),
            )
            if edge is not None:
                database.write(
                    "DELETE FROM arrived WHERE epoch_key = ? AND first_seq <= ?", (epoch_key, edge[0])
                )
                database.write("INSERT INTO arrived VALUES (?, ?, ?)", (epoch_key, edge[1], edge[0]))
