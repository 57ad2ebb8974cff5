"""Delete the oldest verdicts, closed findings and pictures to hold the history within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history import conflicts, epochs, queries, sequence_gaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_node.control_room.history.database import Database

MAX_RANGES = 5000  # of received numbers per epoch; bounds the table for a robot with endless gaps
_CONFLICTS_SHARE = 20  # whoever sends other verdicts under known ids must not push the known ones out
_TRIM_ROWS = 2000
_MAX_KEY = (1 << 63) - 1


def delete_beyond_bounds(
    database: Database, *, max_bytes: int, max_picture_bytes: int, before_us: int | None, now_us: int
) -> int:
    """Delete rows beyond the bounds or received before ``before_us``; return their count.

    Args:
        database: of the history.
        max_bytes: of everything but pictures.
        max_picture_bytes: of pictures.
        before_us: None deletes nothing by age.
        now_us: rows that claim to have been received later were stamped by a clock that was wrong.
    """
    gone = 0
    if before_us is not None:
        gone += _delete_before(database, before_us, now_us)
    while queries.count_picture_bytes(database) > max_picture_bytes:
        gone += (dropped := _delete_pictures(database))
        if not dropped:
            break
    gone += conflicts.delete_beyond(database, max_bytes // _CONFLICTS_SHARE)
    while database.used_bytes() > max_bytes + queries.count_picture_bytes(database):
        gone += (dropped := _delete_oldest(database, _TRIM_ROWS))
        if not dropped:
            break
    _merge_oldest_ranges(database)
    if gone:
        epochs.delete_empty_epochs(database)
    return gone


def _delete_before(database: Database, before_us: int, now_us: int) -> int:
    with database.transaction():
        last = _find_last_aged(database, "verdict", "position", before_us, now_us)
        gone = _delete_verdicts(database, "SELECT position FROM verdict WHERE position <= ?", (last,))
        for table in ("response", "picture", "disagreement"):
            key = f"{table}_key"
            last = _find_last_aged(database, table, key, before_us, now_us)
            gone += database.write(f"DELETE FROM {table} WHERE {key} <= ?", (last,))
        gone += database.write("DELETE FROM finding WHERE NOT is_open AND received_us < ?", (before_us,))
    return gone


def _find_last_aged(database: Database, table: str, key: str, before_us: int, now_us: int) -> int:
    """Return the key of the last row that is surely older than ``before_us``, as all before it are.

    Rows arrive in the order of their keys, so none behind a young one is old, whatever it claims: this
    machine's clock may have been wrong when it came. What claims to be from the future is old once one that
    came later is.
    """
    row = database.peek(
        f"SELECT max({key}) FROM {table} WHERE received_us < ?1 AND {key} < coalesce((SELECT {key}"
        f" FROM {table} WHERE received_us BETWEEN ?1 AND ?2 ORDER BY {key} LIMIT 1), {_MAX_KEY})",
        (before_us, now_us),
    )
    return int(row[0] or 0) if row is not None else 0


def _delete_oldest(database: Database, rows: int) -> int:
    return _delete_verdicts(database, "SELECT position FROM verdict ORDER BY position LIMIT ?", (rows,))


def _delete_verdicts(database: Database, which: str, values: Iterable[int]) -> int:
    with database.transaction():
        database.write(f"DELETE FROM verdict_message WHERE position IN ({which})", tuple(values))
        return database.write(f"DELETE FROM verdict WHERE position IN ({which})", tuple(values))


def _delete_pictures(database: Database) -> int:
    """Delete the oldest pictures, full ones first: a thumbnail is only 10 kB."""
    return database.write(
        "DELETE FROM picture WHERE picture_key IN"
        " (SELECT picture_key FROM picture ORDER BY is_thumbnail, picture_key LIMIT 20)"
    )


def _merge_oldest_ranges(database: Database) -> None:
    """Merge the oldest ranges of an epoch with too many, which drops the record of the gaps between them."""
    for epoch_key, ranges in sequence_gaps.find_fragmented_epochs(database, MAX_RANGES):
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
                epochs.recount(database, epoch_key)
