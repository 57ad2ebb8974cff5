"""Store the newest checkpoints of each epoch, and what they say was given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from edge_node.control_room.history.sql_filters import LIMIT, ONE
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.tables import checkpoint, given_up, robot
from edge_node.messages.checkpoint import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database

MAX_OF_EPOCH = 3  # the newest: what one names may still be on its way
MAX_OF_ROBOT = 1000
MAX_GIVEN_UP = 5000  # ranges of a robot
TRUSTED, UNCHECKED = "trusted", "unchecked"  # signed by a key of the robot; no key of it is known

_FIND_ROBOT = select(robot.c.robot_key).where(
    robot.c.site == bindparam("site"), robot.c.robot == bindparam("robot")
)
_INSERT_ROBOT = insert(robot).values(
    {name: bindparam(name) for name in ("site", "robot", "first_heard_us", "last_heard_us")}
)
_NAMES = ("robot_key", "epoch", "seq", "last_seq", "key_id", "received_us", "state", "payload")
_ADD = insert_new(checkpoint).values({name: bindparam(name) for name in _NAMES})
_OF_ROBOT = checkpoint.c.robot_key == bindparam("robot_key")
_OF_EPOCH = (_OF_ROBOT, checkpoint.c.epoch == bindparam("epoch"))


_newest_of_epoch = (
    select(checkpoint.c.checkpoint_key)
    .where(*_OF_EPOCH)
    # A trusted one is not pushed out by those that anybody may have made.
    .order_by((checkpoint.c.state == bindparam("trusted")).desc(), checkpoint.c.seq.desc())
    .limit(LIMIT)
    .scalar_subquery()
)
_TRIM_EPOCH = delete(checkpoint).where(*_OF_EPOCH, checkpoint.c.checkpoint_key.not_in(_newest_of_epoch))
_newest_of_robot = (
    select(checkpoint.c.checkpoint_key)
    .where(_OF_ROBOT)
    .order_by((checkpoint.c.state == bindparam("trusted")).desc(), checkpoint.c.checkpoint_key.desc())
    .limit(LIMIT)
    .scalar_subquery()
)
_TRIM_ROBOT = delete(checkpoint).where(_OF_ROBOT, checkpoint.c.checkpoint_key.not_in(_newest_of_robot))
_COUNT_OF_ROBOT = select(func.count()).select_from(checkpoint).where(_OF_ROBOT)
_GIVEN = ("robot_key", "epoch", "first_seq", "last_seq", "previous_sha256", "is_trusted")
_GIVE_UP = insert_new(given_up).values({name: bindparam(name) for name in _GIVEN})
_TRUST_RANGE = (
    update(given_up)
    .where(
        given_up.c.robot_key == bindparam("robot"),
        given_up.c.epoch == bindparam("name"),
        given_up.c.first_seq == bindparam("first"),
        given_up.c.last_seq == bindparam("last"),
    )
    .values(is_trusted=ONE, previous_sha256=bindparam("hash"))
)
_GIVEN_BY = given_up.c.robot_key == bindparam("robot_key")
_COUNT_GIVEN = select(func.count()).select_from(given_up).where(_GIVEN_BY)
_newest_given = (
    select(given_up.c.given_up_key)
    .where(_GIVEN_BY)
    .order_by(given_up.c.is_trusted.desc(), given_up.c.given_up_key.desc())
    .limit(LIMIT)
    .scalar_subquery()
)
_TRIM_GIVEN = delete(given_up).where(_GIVEN_BY, given_up.c.given_up_key.not_in(_newest_given))
_ALL = select(
    *(checkpoint.c.checkpoint_key, robot.c.site, robot.c.robot, checkpoint.c.state, checkpoint.c.payload)
).join(robot, robot.c.robot_key == checkpoint.c.robot_key)
_SET_STATE = (
    update(checkpoint).where(checkpoint.c.checkpoint_key == bindparam("key")).values(state=bindparam("new"))
)


def add_checkpoint(
    database: Database, found: Checkpoint, payload: bytes, received_us: int, *, is_trusted: bool
) -> bool:
    """Store a checkpoint whose signature was looked at; return False if it is stored."""
    with database.transaction():
        named = {"site": found.site, "robot": found.robot}
        row = database.peek(_FIND_ROBOT, named)
        heard = {"first_heard_us": received_us, "last_heard_us": received_us}
        robot_key = int(row[0]) if row is not None else database.insert(_INSERT_ROBOT, {**named, **heard})
        values = {
            "robot_key": robot_key,
            "epoch": found.epoch,
            "seq": found.seq,
            "last_seq": found.last_seq,
            "key_id": found.key_id,
            "received_us": received_us,
            "state": TRUSTED if is_trusted else UNCHECKED,
            "payload": payload,
        }
        if not database.write(_ADD, values):
            return False
        database.write(_TRIM_EPOCH, {**values, "trusted": TRUSTED, "limit": MAX_OF_EPOCH})
        count = database.peek(_COUNT_OF_ROBOT, values)
        if count is not None and count[0] > MAX_OF_ROBOT:
            database.write(_TRIM_ROBOT, {**values, "trusted": TRUSTED, "limit": MAX_OF_ROBOT})
        if found.given_up:
            _give_up(database, robot_key, found, is_trusted=is_trusted)
    return True


def judge_again(database: Database, is_trusted: Callable[[Checkpoint, bytes], bool]) -> None:
    """Look at the signatures of all stored checkpoints again: the keys may be others since."""
    for key, site, name, state, payload in database.rows(_ALL):
        found = msgspec.json.decode(payload, type=Checkpoint)
        held = (found.site, found.robot) == (site, name) and is_trusted(found, payload)
        new = TRUSTED if held else UNCHECKED
        if new == state:
            continue
        with database.transaction():
            database.write(_SET_STATE, {"key": key, "new": new})
            row = database.peek(_FIND_ROBOT, {"site": site, "robot": name})
            if held and row is not None and found.given_up:
                _give_up(database, int(row[0]), found, is_trusted=True)


def _give_up(database: Database, robot_key: int, found: Checkpoint, *, is_trusted: bool) -> None:
    for one in found.given_up:
        previous = bytes.fromhex(one.previous_sha256) if one.previous_sha256 else None
        values = {
            "robot_key": robot_key,
            "epoch": one.epoch,
            "first_seq": one.first,
            "last_seq": one.last,
            "previous_sha256": previous,
            "is_trusted": is_trusted,
        }
        if not database.write(_GIVE_UP, values) and is_trusted:
            named = {"robot": robot_key, "name": one.epoch, "first": one.first, "last": one.last}
            database.write(_TRUST_RANGE, {**named, "hash": previous})
    count = database.peek(_COUNT_GIVEN, {"robot_key": robot_key})
    if count is not None and count[0] > MAX_GIVEN_UP:
        database.write(_TRIM_GIVEN, {"robot_key": robot_key, "limit": MAX_GIVEN_UP})
