"""Delete the oldest verdicts, closed findings and pictures to hold the history within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select

from edge_node.control_room.history import conflicts, epochs, queries, sequence_gaps
from edge_node.control_room.history.sql_filters import LIMIT, ONE, ZERO
from edge_node.control_room.history.storage.tables import (
    disagreement,
    finding,
    picture,
    response,
    verdict,
    verdict_message,
)

if TYPE_CHECKING:
    from sqlalchemy import Column, Executable

    from edge_node.control_room.history.database import Database

MAX_RANGES = 5000  # of received numbers per epoch; bounds the table for a robot with endless gaps
_CONFLICTS_SHARE = 20  # whoever sends other verdicts under known ids must not push the known ones out
_TRIM_ROWS = 2000
_TRIM_PICTURES = 20
_MAX_KEY = (1 << 63) - 1


def _last_aged(key: Column[Any]) -> Executable:
    """Make the query of the last row of a table that is surely too old, as all before it are.

    Rows arrive in the order of their keys, so none behind a young one is old, whatever it claims: this
    machine's clock may have been wrong when it came. What claims to be from the future is old once one that
    came later is.
    """
    young = key.table.alias("young")
    young_key = young.c[key.name]
    first_young = (
        select(young_key)
        .where(young.c.received_us.between(bindparam("before_us"), bindparam("now_us")))
        .order_by(young_key)
        .limit(ONE)
        .scalar_subquery()
    )
    return select(func.max(key)).where(
        key.table.c.received_us < bindparam("before_us"), key < func.coalesce(first_young, bindparam("end"))
    )


_LAST_AGED_VERDICT = _last_aged(verdict.c.position)
_AGED_TABLES = [
    (_last_aged(key), delete(key.table).where(key <= bindparam("last")))
    for key in (response.c.response_key, picture.c.picture_key, disagreement.c.disagreement_key)
]
_DELETE_CLOSED = delete(finding).where(
    finding.c.is_open == ZERO, finding.c.received_us < bindparam("before_us")
)
_oldest = select(verdict.c.position).order_by(verdict.c.position).limit(LIMIT).subquery()
_LAST_OF_OLDEST = select(func.max(_oldest.c.position))
_DELETE_VERDICTS = [
    delete(table).where(table.c.position <= bindparam("last")) for table in (verdict_message, verdict)
]
# Full pictures first: a thumbnail is only 10 kB.
_DELETE_PICTURES = delete(picture).where(
    picture.c.picture_key.in_(
        select(picture.c.picture_key).order_by(picture.c.is_thumbnail, picture.c.picture_key).limit(LIMIT)
    )
)


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
    times = {"before_us": before_us, "now_us": now_us, "end": _MAX_KEY}
    with database.transaction():
        gone = _delete_verdicts(database, _read_key(database, _LAST_AGED_VERDICT, times))
        for last_aged, delete_aged in _AGED_TABLES:
            gone += database.write(delete_aged, {"last": _read_key(database, last_aged, times)})
        gone += database.write(_DELETE_CLOSED, times)
    return gone


def _delete_oldest(database: Database, rows: int) -> int:
    with database.transaction():
        return _delete_verdicts(database, _read_key(database, _LAST_OF_OLDEST, {"limit": rows}))


def _delete_verdicts(database: Database, last: int) -> int:
    """Delete the verdicts up to the position ``last``, with their messages."""
    return [database.write(statement, {"last": last}) for statement in _DELETE_VERDICTS][-1]


def _delete_pictures(database: Database) -> int:
    return database.write(_DELETE_PICTURES, {"limit": _TRIM_PICTURES})


def _read_key(database: Database, query: Executable, values: dict[str, int]) -> int:
    row = database.peek(query, values)
    return int(row[0] or 0) if row is not None else 0


def _merge_oldest_ranges(database: Database) -> None:
    """Merge the oldest ranges of an epoch with too many."""
    for epoch_key, ranges in sequence_gaps.find_fragmented_epochs(database, MAX_RANGES):
        sequence_gaps.merge_oldest(database, epoch_key, ranges - MAX_RANGES // 2)
