"""Delete the oldest rows to hold the history within its bounds: who uses most gives first."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, exists, func, select

from edge_node.control_room.history import epochs, sequence_gaps
from edge_node.control_room.history.shares import ledger
from edge_node.control_room.history.shares.allotment import allot
from edge_node.control_room.history.shares.bounds import hold_messages, hold_pictures
from edge_node.control_room.history.sql_filters import ONE, ZERO
from edge_node.control_room.history.storage.backend import PartitionInUseError
from edge_node.control_room.history.storage.tables import (
    audit,
    checkpoint,
    conflict,
    defect,
    defect_deed,
    disagreement,
    epoch,
    epoch_state,
    finding,
    given_up,
    picture,
    quarantine,
    refused,
    response,
    retired,
    review,
    robot,
    sighting,
    verdict,
    verdict_message,
    verdict_share,
)

if TYPE_CHECKING:
    from sqlalchemy import Column, Executable

    from edge_node.control_room.history.database import Database

MAX_RANGES = 5000  # of received numbers per epoch; bounds the table for a robot with endless gaps
_NUMBERS_PART = 10  # of the bound is for received numbers, shared out among the robots
_RANGE_BYTES = 60
_ROOM_ROW_BYTES = 300  # of the audit, of robots that wait: in the file, and no messages
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
# The age of a finding is that of its newest message, also of one that was never closed.
_DELETE_AGED_FINDINGS = delete(finding).where(finding.c.received_us < bindparam("before_us"))
_DELETE_VERDICTS = [
    delete(table).where(table.c.position <= bindparam("last")) for table in (verdict_message, verdict)
]
# What was seen of a place outlives the finding, but not what belongs to no defect.
_DELETE_LOOSE = delete(sighting).where(
    sighting.c.defect_key.is_(None),
    sighting.c.received_us < bindparam("before_us"),
    ~exists().where(
        finding.c.robot_key == sighting.c.robot_key, finding.c.finding_id == sighting.c.finding_id
    ),
)
_DELETE_EMPTY = delete(defect).where(
    defect.c.is_touched == ZERO,
    defect.c.merged_into.is_(None),
    ~exists().where(sighting.c.defect_key == defect.c.defect_key),
)
# Robots that were retired and of which nothing is left that anybody might ask for.
_FORGOTTEN = select(retired.c.robot_key).where(
    *(
        ~exists().where(table.c.robot_key == retired.c.robot_key)
        for table in (verdict, finding, review, response, picture, conflict, disagreement, sighting)
    )
)
_FORGET = [
    delete(table).where(table.c.robot_key == bindparam("key"))
    for table in (epoch_state, epoch, checkpoint, given_up, verdict_share, retired, robot)
]
_PICTURE_HASHES = select(picture.c.content)
_ROOM_ROWS = [
    select(func.count()).select_from(table) for table in (audit, quarantine, refused, defect, defect_deed)
]


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
    ledger.catch_up(database)
    gone = 0
    if before_us is not None:
        times = {"before_us": before_us, "now_us": now_us, "end": _MAX_KEY}
        gone += _delete_old_verdicts(database, times) + _delete_old_rows(database, times)
    gone += hold_pictures(database, max_picture_bytes)
    if gone and database.pictures is not None:
        database.pictures.remove_unnamed(row[0] for row in database.rows(_PICTURE_HASHES))
    _hold_numbers(database, max_bytes)
    room_bytes = sum(database.rows(query)[0][0] for query in _ROOM_ROWS) * _ROOM_ROW_BYTES
    gone += hold_messages(database, max_bytes, room_bytes)
    epochs.delete_empty_epochs(database)
    database.write(_DELETE_EMPTY)
    _forget_retired(database)
    return gone


def _delete_old_verdicts(database: Database, times: dict[str, int]) -> int:
    """Delete verdicts by age: whole partitions are dropped, what is left of others goes row by row.

    Nothing goes this time where a backup of the server reads a partition that is to be dropped.
    """
    with contextlib.suppress(PartitionInUseError), database.transaction():
        last = _read_key(database, _LAST_AGED_VERDICT, times)
        if not last:
            return 0
        gone = ledger.take_up_to(database, last)
        database.drop_partitions(last)
        for statement in _DELETE_VERDICTS:
            database.write(statement, {"last": last})
        return gone
    return 0


def _delete_old_rows(database: Database, times: dict[str, int]) -> int:
    gone = 0
    with database.transaction():
        for last_aged, delete_aged in _AGED_TABLES:
            gone += database.write(delete_aged, {"last": _read_key(database, last_aged, times)})
        gone += database.write(_DELETE_AGED_FINDINGS, times)
        gone += database.write(_DELETE_LOOSE, times)
    return gone


def _read_key(database: Database, query: Executable, values: dict[str, int]) -> int:
    row = database.peek(query, values)
    return int(row[0] or 0) if row is not None else 0


def _hold_numbers(database: Database, max_bytes: int) -> None:
    """Merge the oldest ranges of received numbers: of epochs with too many, and of robots that use most."""
    for epoch_key, ranges in sequence_gaps.find_fragmented_epochs(database, MAX_RANGES):
        sequence_gaps.merge_oldest(database, epoch_key, ranges - MAX_RANGES // 2)
    of_robots = sequence_gaps.count_ranges(database)
    kept = allot(of_robots, max_bytes // _NUMBERS_PART // _RANGE_BYTES)
    for robot_key, ranges in of_robots.items():
        if ranges > kept[robot_key]:
            sequence_gaps.merge_of_robot(database, robot_key, ranges - kept[robot_key])


def _forget_retired(database: Database) -> None:
    """Forget retired robots of which no row is left: then their names count no more."""
    for (robot_key,) in database.rows(_FORGOTTEN):
        with database.transaction():
            for statement in _FORGET:
                database.write(statement, {"key": robot_key})
