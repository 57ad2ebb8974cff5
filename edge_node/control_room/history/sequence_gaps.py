"""Record received sequence numbers as ranges in the history and derive gaps from them.

``messages/sequence_gaps.py`` does the same in memory for a reader that forgets at its end (``watch``). Here
the ranges are rows of the table ``arrived``, written in the transaction that stores the verdict, so that
duplicates are recognized after a restart and SQL can list gaps over all robots.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, bindparam, cast, delete, func, insert, select, union_all, update

from edge_node.control_room.history import epochs
from edge_node.control_room.history.database import from_us
from edge_node.control_room.history.records import Gap
from edge_node.control_room.history.sql_filters import LIMIT, ONE, ZERO, bound_limit
from edge_node.control_room.history.storage.tables import arrived, epoch, epoch_state, robot, verdict

if TYPE_CHECKING:
    from sqlalchemy import Executable

    from edge_node.control_room.history.database import Database

_OF_EPOCH = arrived.c.epoch_key == bindparam("epoch_key")
_RANGE_BEFORE = (
    select(arrived.c.first_seq, arrived.c.last_seq)
    .where(_OF_EPOCH, arrived.c.first_seq <= bindparam("seq"))
    .order_by(arrived.c.first_seq.desc())
    .limit(ONE)
)
_RANGE_AT = select(arrived.c.last_seq).where(_OF_EPOCH, arrived.c.first_seq == bindparam("seq"))
_DELETE_RANGE = delete(arrived).where(_OF_EPOCH, arrived.c.first_seq == bindparam("seq"))
_EXTEND_RANGE = (
    update(arrived)
    .where(_OF_EPOCH, arrived.c.first_seq == bindparam("first"))
    .values(last_seq=bindparam("last"))
)
_INSERT_RANGE = insert(arrived).values(
    {name: bindparam(name) for name in ("epoch_key", "first_seq", "last_seq")}
)
_OLDEST_RANGES = (
    select(arrived.c.first_seq, arrived.c.last_seq)
    .where(_OF_EPOCH)
    .order_by(arrived.c.first_seq)
    .limit(LIMIT)
    .subquery()
)
_OLDEST_ENDS = select(func.max(_OLDEST_RANGES.c.last_seq), func.min(_OLDEST_RANGES.c.first_seq))
_DELETE_UP_TO = delete(arrived).where(_OF_EPOCH, arrived.c.first_seq <= bindparam("seq"))
_MISSING = (
    select(epoch_state.c.robot_key, cast(func.sum(epoch_state.c.missing), BigInteger))
    .where(epoch_state.c.missing > ZERO)
    .group_by(epoch_state.c.robot_key)
)
_FRAGMENTED = (
    select(arrived.c.epoch_key, func.count())
    .group_by(arrived.c.epoch_key)
    .having(func.count() > bindparam("ranges"))
)
_RANGES_OF_ROBOTS = (
    select(epoch.c.robot_key, func.count())
    .join(arrived, arrived.c.epoch_key == epoch.c.epoch_key)
    .group_by(epoch.c.robot_key)
)
_OLDEST_OF_ROBOT = (
    select(arrived.c.epoch_key, func.count())
    .join(epoch, epoch.c.epoch_key == arrived.c.epoch_key)
    .where(epoch.c.robot_key == bindparam("robot_key"))
    .group_by(arrived.c.epoch_key)
    .having(func.count() > ONE)
    .order_by(arrived.c.epoch_key)
)


def add_number(database: Database, epoch_key: int, seq: int) -> bool:
    """Record a received number; return False if it is recorded."""
    before = database.peek(_RANGE_BEFORE, {"epoch_key": epoch_key, "seq": seq})
    if before is not None and seq <= before[1]:
        return False
    is_next = before is not None and before[1] == seq - 1
    epochs.note_number(database, epoch_key, seq, is_next=is_next)
    following = {"epoch_key": epoch_key, "seq": seq + 1}
    behind = database.peek(_RANGE_AT, following)
    if behind is not None:
        database.write(_DELETE_RANGE, following)
    last_seq = behind[0] if behind is not None else seq
    if before is not None and is_next:
        database.write(_EXTEND_RANGE, {"epoch_key": epoch_key, "first": before[0], "last": last_seq})
    else:
        database.write(_INSERT_RANGE, {"epoch_key": epoch_key, "first_seq": seq, "last_seq": last_seq})
    return True


def count_missing(database: Database) -> dict[int, int]:
    """Count the missing numbers by the robot's key; robots that lack none are left out."""
    return dict(database.rows(_MISSING))


def select_gaps(database: Database, site: str | None, robot_name: str | None, limit: int) -> list[Gap]:
    """Return the ranges of missing numbers, the newest first."""
    given = {"site": site, "robot": robot_name}
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    rows = database.rows(_gaps(tuple(values)), {**values, "limit": bound_limit(limit)})
    return [
        Gap(
            site=row[0],
            robot=row[1],
            epoch=row[2],
            first_seq=row[3],
            last_seq=row[4],
            noticed_at=None if row[5] is None else from_us(row[5]),
            next_epoch=row[6],
        )
        for row in rows
    ]


def find_stored_up_to(
    database: Database, site: str, robot_name: str, epoch_name: str, *, from_first_heard: bool
) -> int:
    """Return the number up to which every verdict of an epoch was received; 0 if the first is missing."""
    rows = database.rows(
        _stored_up_to(from_first_heard=from_first_heard),
        {"site": site, "robot": robot_name, "epoch": epoch_name},
    )
    return int(rows[0][0]) if rows else 0


def find_fragmented_epochs(database: Database, ranges: int) -> list[tuple[int, int]]:
    """Return the keys of epochs with more than ``ranges`` ranges, and their number of ranges."""
    return [(int(row[0]), int(row[1])) for row in database.rows(_FRAGMENTED, {"ranges": ranges})]


def merge_oldest(database: Database, epoch_key: int, ranges: int) -> None:
    """Merge the oldest ranges of an epoch to one, which drops the record of the gaps between them."""
    with database.transaction():
        edge = database.peek(_OLDEST_ENDS, {"epoch_key": epoch_key, "limit": ranges})
        if edge is not None:
            database.write(_DELETE_UP_TO, {"epoch_key": epoch_key, "seq": edge[0]})
            database.write(_INSERT_RANGE, {"epoch_key": epoch_key, "first_seq": edge[1], "last_seq": edge[0]})
            epochs.recount(database, epoch_key)


def count_ranges(database: Database) -> dict[int, int]:
    """Count the ranges of received numbers by the robot's key."""
    return {int(key): int(count) for key, count in database.rows(_RANGES_OF_ROBOTS)}


def merge_of_robot(database: Database, robot_key: int, fewer: int) -> None:
    """Merge ranges of a robot, of its oldest epochs first, until it has so many fewer, or one an epoch."""
    for epoch_key, count in database.rows(_OLDEST_OF_ROBOT, {"robot_key": robot_key}):
        if fewer <= 0:
            break
        merge_oldest(database, epoch_key, min(count, fewer + 1))
        fewer -= min(count, fewer + 1) - 1


@lru_cache(4)
def _gaps(names: tuple[str, ...]) -> Executable:
    """Return the query of gaps, of one site or robot if it is among the names.

    Its edges are the received ranges of the epochs that lack something, with an empty one before number 1
    where that is expected, and one behind the end that was named.
    """
    highest = (
        select(func.max(arrived.c.last_seq)).where(arrived.c.epoch_key == epoch_state.c.epoch_key)
    ).scalar_subquery()
    gapped = (
        select(epoch_state, robot.c.site, robot.c.robot, epoch.c.epoch, highest.label("highest"))
        .join(epoch, epoch.c.epoch_key == epoch_state.c.epoch_key)
        .join(robot, robot.c.robot_key == epoch_state.c.robot_key)
        .where(epoch_state.c.missing > ZERO, *(robot.c[name] == bindparam(name) for name in names))
        .cte("gapped")
    )
    behind_end = gapped.c.named_seq + ONE
    edges = union_all(
        select(arrived.c.epoch_key, arrived.c.first_seq, arrived.c.last_seq).join(
            gapped, gapped.c.epoch_key == arrived.c.epoch_key
        ),
        select(gapped.c.epoch_key, ZERO, ZERO).where(gapped.c.from_start != ZERO),
        select(gapped.c.epoch_key, behind_end, behind_end).where(
            gapped.c.named_seq > func.coalesce(gapped.c.highest, ZERO)
        ),
    ).cte("edges")
    before = func.lag(edges.c.last_seq).over(partition_by=edges.c.epoch_key, order_by=edges.c.first_seq)
    gaps = select(
        edges.c.epoch_key,
        edges.c.first_seq,
        (edges.c.first_seq - ONE).label("last_missing"),
        (before + ONE).label("first_missing"),
    ).cte("gaps")
    after = epoch.alias("after")
    state_after = epoch_state.alias("state_after")
    next_epoch = (
        select(after.c.epoch)
        .join(state_after, state_after.c.epoch_key == after.c.epoch_key)
        .where(state_after.c.previous_key == gapped.c.epoch_key)
        .limit(ONE)
    ).scalar_subquery()
    noticed_us = func.coalesce(verdict.c.received_us, gapped.c.named_us).label("noticed_us")
    return (
        select(
            *(gapped.c.site, gapped.c.robot, gapped.c.epoch),
            *(gaps.c.first_missing, gaps.c.last_missing, noticed_us, next_epoch),
        )
        .select_from(gaps)
        .join(gapped, gapped.c.epoch_key == gaps.c.epoch_key)
        .outerjoin(verdict, (verdict.c.epoch_key == gaps.c.epoch_key) & (verdict.c.seq == gaps.c.first_seq))
        .where(gaps.c.first_missing <= gaps.c.last_missing)
        .order_by(noticed_us.desc().nulls_last())
        .limit(LIMIT)
    )


@lru_cache(2)
def _stored_up_to(*, from_first_heard: bool) -> Executable:
    named = (
        robot.c.site == bindparam("site"),
        robot.c.robot == bindparam("robot"),
        epoch.c.epoch == bindparam("epoch"),
    )
    return (
        select(arrived.c.last_seq)
        .join(epoch, epoch.c.epoch_key == arrived.c.epoch_key)
        .join(robot, robot.c.robot_key == epoch.c.robot_key)
        .where(*named, *(() if from_first_heard else (arrived.c.first_seq == ONE,)))
        .order_by(arrived.c.first_seq)
        .limit(ONE)
    )
