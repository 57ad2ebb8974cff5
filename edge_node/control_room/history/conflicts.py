"""Tell a verdict that arrived twice from another verdict that has its id; keep the latter."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from sqlalchemy import Integer, LargeBinary, bindparam, delete, func, insert, select, tuple_, update

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.records import Conflict
from edge_node.control_room.history.sql_filters import LIMIT, ONE, bound_limit
from edge_node.control_room.history.storage.tables import conflict, epoch, robot, verdict

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.messages.verdict import Verdict

MAX_CONFLICTS = 1000  # of a robot are kept, the newest: one of another's name would fill the disk
_LOGGED = (1, 10, 100)  # conflicts of a robot: a line for each would fill the log

_log = logging.getLogger(__name__)

_IS_EPOCH = epoch.c.epoch_key == bindparam("epoch_key")
_STORED = select(verdict.c.sha256, verdict.c.observed_us, verdict.c.outcome).where(
    verdict.c.epoch_key == bindparam("epoch_key"), verdict.c.seq == bindparam("seq")
)
_COUNTS = select(conflict.c.robot_key, func.count()).group_by(conflict.c.robot_key)
_NEWEST = (
    select(
        *(robot.c.site, robot.c.robot, conflict.c.epoch, conflict.c.seq),
        *(conflict.c.received_us, conflict.c["count"], conflict.c.payload),
    )
    .join(robot, robot.c.robot_key == conflict.c.robot_key)
    .order_by(conflict.c.conflict_key.desc())
    .limit(LIMIT)
)
_COUNT_AGAIN = (
    update(conflict)
    .where(
        conflict.c.seq == bindparam("number"),
        conflict.c.sha256 == bindparam("hash"),
        tuple_(conflict.c.robot_key, conflict.c.epoch).in_(
            select(epoch.c.robot_key, epoch.c.epoch).where(_IS_EPOCH)
        ),
    )
    .values(count=conflict.c["count"] + ONE)
)
_INSERT = insert(conflict).from_select(
    ["robot_key", "epoch", "seq", "sha256", "received_us", "count", "payload"],
    select(
        *(epoch.c.robot_key, epoch.c.epoch, bindparam("number"), bindparam("hash", type_=LargeBinary)),
        *(bindparam("received"), ONE, bindparam("content", type_=LargeBinary)),
    ).where(_IS_EPOCH),
)
_robot_key = select(epoch.c.robot_key).where(_IS_EPOCH).scalar_subquery()
_newest_lost = (
    select(conflict.c.conflict_key)
    .where(conflict.c.robot_key == _robot_key)
    .order_by(conflict.c.conflict_key.desc())
    .limit(ONE)
    .offset(bindparam("kept", type_=Integer))
    .scalar_subquery()
)
_DELETE_OLDEST = delete(conflict).where(
    conflict.c.robot_key == _robot_key, conflict.c.conflict_key <= _newest_lost
)
_COUNT_OF_ROBOT = (
    select(func.count())
    .select_from(conflict)
    .join(epoch, epoch.c.robot_key == conflict.c.robot_key)
    .where(_IS_EPOCH)
)


def note_repeated(
    database: Database, epoch_key: int, repeated: Verdict, payload: bytes, received_us: int
) -> bool:
    """Compare a verdict with the one that is stored under its number; keep it and return False if it differs.

    True also if the stored one was deleted since: nothing is left to compare with.
    """
    stored = database.peek(_STORED, {"epoch_key": epoch_key, "seq": repeated.seq})
    if stored is None:
        return True
    if stored[0] is None:  # stored by a version that kept no hash
        is_same = (to_us(repeated.observed_at), repeated.outcome.value) == stored[1:]
    else:
        is_same = stored[0] == hashlib.sha256(payload).digest()
    if not is_same:
        _insert(database, epoch_key, repeated, payload, received_us)
    return is_same


def count_conflicts(database: Database) -> dict[int, int]:
    """Count the conflicts that are kept, by the robot's key."""
    return dict(database.rows(_COUNTS))


def select_conflicts(database: Database, limit: int) -> list[Conflict]:
    """Return the verdicts whose id another one had, newest first."""
    rows = database.rows(_NEWEST, {"limit": bound_limit(limit)})
    return [
        Conflict(row[0], row[1], row[2], row[3], from_us(row[4]), count=row[5], payload=row[6])
        for row in rows
    ]


def _insert(database: Database, epoch_key: int, repeated: Verdict, payload: bytes, received_us: int) -> None:
    values = {
        "epoch_key": epoch_key,
        "number": repeated.seq,
        "hash": hashlib.sha256(payload).digest(),
        "received": received_us,
        "content": payload,
    }
    if database.write(_COUNT_AGAIN, values):
        return
    database.write(_INSERT, values)
    database.write(_DELETE_OLDEST, {"epoch_key": epoch_key, "kept": MAX_CONFLICTS})
    found = database.peek(_COUNT_OF_ROBOT, values)
    if found is not None and found[0] in _LOGGED:
        _log.warning(
            "%s/%s: verdict %s came again with other content (%d such so far); both are kept: do two robots"
            " have one name, or does somebody forge messages?",
            *(repeated.site, repeated.robot, repeated.id, found[0]),
        )
