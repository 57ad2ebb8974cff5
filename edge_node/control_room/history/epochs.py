"""Know each robot's epochs: how they follow each other, where each ended, how many numbers it lacks.

A robot begins an epoch at every start, so a robot in a crash loop makes thousands: what is asked often
(missing numbers, gaps) reads only epochs that lack something. The first epoch that was heard of a robot, and
those before it, may have begun long before this control room: of them only what is missing between two
numbers, or before the named end, is missing. Every later one is expected from its number 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, func, insert, select, update

from edge_node.control_room.history.sql_filters import ONE, ZERO
from edge_node.control_room.history.storage.epoch_counts import COUNT_MISSING
from edge_node.control_room.history.storage.tables import (
    arrived,
    chain_range,
    epoch,
    epoch_before,
    epoch_state,
    verdict,
)

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.messages.verdict import EpochEnd

MAX_EMPTY_EPOCHS = 200  # of each robot, whose verdicts were all deleted: what came of them is remembered

_OF_ROBOT = epoch.c.robot_key == bindparam("robot_key")
_IS_STATE = epoch_state.c.epoch_key == bindparam("key")
_FIND = select(epoch.c.epoch_key).where(_OF_ROBOT, epoch.c.epoch == bindparam("epoch"))
_ANY_OF_ROBOT = select(epoch.c.epoch_key).where(_OF_ROBOT).limit(ONE)
_INSERT = insert(epoch).values({name: bindparam(name) for name in ("robot_key", "epoch")})
_INSERT_STATE = insert(epoch_state).values(
    {name: bindparam(name) for name in ("epoch_key", "robot_key", "from_start")}
)
_SET_PREVIOUS = update(epoch_state).where(_IS_STATE).values(previous_key=bindparam("previous"))
_NAME_END = (
    update(epoch_state)
    .where(_IS_STATE, epoch_state.c.named_seq < bindparam("end"))
    .values(named_seq=bindparam("end"), named_us=bindparam("at"))
)
_STATE = select(epoch_state.c.from_start, epoch_state.c.named_seq, epoch_state.c.missing).where(_IS_STATE)
_RANGES = select(arrived.c.first_seq, arrived.c.last_seq).where(arrived.c.epoch_key == bindparam("key"))
_LOWEST = _RANGES.order_by(arrived.c.first_seq).limit(ONE)
_HIGHEST = _RANGES.order_by(arrived.c.first_seq.desc()).limit(ONE)
_ADD_MISSING = (
    update(epoch_state).where(_IS_STATE).values(missing=epoch_state.c.missing + bindparam("change"))
)
_RECOUNT = COUNT_MISSING.where(_IS_STATE)
_EXPECT_NO_START = update(epoch_state).where(_IS_STATE).values(from_start=ZERO)
_before = epoch_state.alias("before")
_EXPECTED_BEFORE = (
    select(_before.c.epoch_key)
    .select_from(epoch_state)
    .join(_before, _before.c.epoch_key == epoch_state.c.previous_key)
    .where(_IS_STATE, epoch_state.c.from_start == ZERO, _before.c.from_start != ZERO)
)
_empty = (
    select(
        epoch.c.epoch_key,
        func.row_number()
        .over(partition_by=epoch.c.robot_key, order_by=epoch.c.epoch_key.desc())
        .label("place"),
    )
    .where(~exists().where(verdict.c.epoch_key == epoch.c.epoch_key))
    .subquery()
)
_DELETE_EMPTY = delete(epoch).where(
    epoch.c.epoch_key.in_(select(_empty.c.epoch_key).where(_empty.c.place > bindparam("kept")))
)
_DELETE_STRAY = [
    delete(table).where(table.c.epoch_key.not_in(select(epoch.c.epoch_key)))
    for table in (arrived, epoch_state, chain_range, epoch_before)
]


def find_epoch(database: Database, robot_key: int, name: str) -> int:
    """Return the key of an epoch's row, inserted at its first verdict."""
    named = {"robot_key": robot_key, "epoch": name}
    row = database.peek(_FIND, named)
    if row is not None:
        return int(row[0])
    known = database.peek(_ANY_OF_ROBOT, named)
    key = database.insert(_INSERT, named)
    state = {"epoch_key": key, "robot_key": robot_key, "from_start": known is not None}
    database.write(_INSERT_STATE, state)
    return key


def follow(database: Database, robot_key: int, epoch_key: int, before: EpochEnd, received_us: int) -> None:
    """Record that an epoch follows ``before``, which ended there."""
    previous_key = find_epoch(database, robot_key, before.epoch)
    if previous_key == epoch_key:
        return
    database.write(_SET_PREVIOUS, {"key": epoch_key, "previous": previous_key})
    if database.write(_NAME_END, {"key": previous_key, "end": before.seq, "at": received_us}):
        recount(database, previous_key)
    _forgive_before(database, epoch_key)


def note_number(database: Database, epoch_key: int, seq: int, *, is_next: bool) -> None:
    """Adjust the count of missing numbers before ``seq`` is recorded as received.

    ``is_next`` if the number before it was received: then mostly nothing changes.
    """
    row = database.peek(_STATE, {"key": epoch_key})
    if row is None:
        return
    from_start, named_seq, missing = row
    if is_next and not missing:  # nothing is missing, so it is the highest, and none was named beyond it
        return
    lowest = database.peek(_LOWEST, {"key": epoch_key})
    highest = database.peek(_HIGHEST, {"key": epoch_key})
    end = max(highest[1] if highest else 0, named_seq)
    low = 1 if from_start else lowest[0] if lowest else None
    if low is None:  # the first number of an epoch that may have begun long ago
        change = max(named_seq - seq, 0)
    elif seq > end:
        change = seq - end - 1
    else:
        change = low - seq - 1 if seq < low else -1
    if change:
        database.write(_ADD_MISSING, {"key": epoch_key, "change": change})


def recount(database: Database, epoch_key: int) -> None:
    """Count the missing numbers of an epoch from its ranges."""
    database.write(_RECOUNT, {"key": epoch_key})


def delete_empty_epochs(database: Database) -> None:
    """Forget the oldest epochs of which no verdict is left, where a robot has many."""
    with database.transaction():
        database.write(_DELETE_EMPTY, {"kept": MAX_EMPTY_EPOCHS})
        for statement in _DELETE_STRAY:
            database.write(statement)


def _forgive_before(database: Database, epoch_key: int) -> None:
    """Expect no number 1 of the epochs before one that may itself have begun before this control room."""
    key = epoch_key
    while (row := database.peek(_EXPECTED_BEFORE, {"key": key})) is not None:
        key = int(row[0])
        database.write(_EXPECT_NO_START, {"key": key})
        recount(database, key)
