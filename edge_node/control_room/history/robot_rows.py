"""Find the row of a robot, which is made with its first message, and count what it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.tables import robot

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database

FIND_ROBOT = select(robot.c.robot_key).where(
    robot.c.site == bindparam("site"), robot.c.robot == bindparam("robot")
)
# Another process may have heard of it first, since the transaction began: then its row is waited for.
_FIND_LOCKED = FIND_ROBOT.with_for_update(key_share=True)
_INSERT_ROBOT = insert_new(robot).values(
    {name: bindparam(name) for name in ("site", "robot", "first_heard_us", "last_heard_us")}
)


def find_robot_key(database: Database, site: str, name: str, heard_us: int) -> int:
    """Return the key of a robot's row; in an open transaction."""
    named = {"site": site, "robot": name}
    row = database.peek(_FIND_LOCKED, named)
    while row is None:
        database.write(_INSERT_ROBOT, {**named, "first_heard_us": heard_us, "last_heard_us": heard_us})
        row = database.peek(_FIND_LOCKED, named)
    return int(row[0])
