"""Store the names that people give to missions.

A name hangs on the number of a verdict, not on the mission's first one, which a late backlog may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from edge_node.control_room.history.storage.dialect import insert_or_update
from edge_node.control_room.history.storage.tables import mission_name, robot

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.missions.mission import AssetMission

MAX_NAME_LENGTH = 80
_COLUMNS = ("robot_key", "epoch", "seq", "name", "named_by", "named_us")
_SET = insert_or_update(
    mission_name,
    (mission_name.c.robot_key, mission_name.c.epoch, mission_name.c.seq),
    ("name", "named_by", "named_us"),
).values({name: bindparam(name) for name in _COLUMNS})
_NAMES = (
    select(mission_name.c.epoch, mission_name.c.seq, mission_name.c.name)
    .where(mission_name.c.robot_key == bindparam("robot_key"))
    .order_by(mission_name.c.named_us, mission_name.c.mission_name_key)
)
_FIND_ROBOT = select(robot.c.robot_key).where(
    robot.c.site == bindparam("site"), robot.c.robot == bindparam("robot")
)


def read_names(database: Database, robot_key: int) -> list[tuple[str, int, str]]:
    """Return epoch, number and name of each name of a robot's missions, the newest last."""
    return [(row[0], row[1], row[2]) for row in database.rows(_NAMES, {"robot_key": robot_key})]


def set_name(database: Database, mission: AssetMission, name: str, by: str, at_us: int) -> None:
    """Give a mission a name; an empty one takes it away."""
    (robot_key,) = database.rows(_FIND_ROBOT, {"site": mission.site, "robot": mission.robot})[0]
    first = mission.spans[0]
    values = {"robot_key": robot_key, "epoch": first.epoch, "seq": first.first_seq}
    database.write(_SET, {**values, "name": name, "named_by": by, "named_us": at_us})
