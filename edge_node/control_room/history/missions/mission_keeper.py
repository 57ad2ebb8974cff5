"""Keep the missions of a history before its verdicts are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Integer, bindparam, delete, select

from edge_node.control_room.history.missions.kept_missions import pack
from edge_node.control_room.history.missions.mission_points import list_robots, read_spans
from edge_node.control_room.history.storage.dialect import insert_or_update
from edge_node.control_room.history.storage.tables import mission

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.missions.mission_book import MissionBook

MAX_OF_ROBOT = 200  # the newest; one takes about 3 kB
_OF_ROBOT = mission.c.robot_key == bindparam("robot_key")
_KEEP = insert_or_update(
    mission, (mission.c.robot_key, mission.c.epoch, mission.c.first_seq), ("verdicts", "ended_us", "content")
).values(
    {name: bindparam(name) for name in ("robot_key", "epoch", "first_seq", "verdicts", "ended_us", "content")}
)
_COUNTS = select(mission.c.epoch, mission.c.first_seq, mission.c.verdicts).where(_OF_ROBOT)
_newest = (
    select(mission.c.mission_key)
    .where(_OF_ROBOT)
    .order_by(mission.c.ended_us.desc())
    .limit(bindparam("most", type_=Integer))
    .scalar_subquery()
)
_DELETE_OLD = delete(mission).where(_OF_ROBOT, mission.c.mission_key.not_in(_newest))


class MissionKeeper:
    """Keeps the missions of a history, before its verdicts are deleted."""

    def __init__(self, database: Database, book: MissionBook) -> None:
        """Begin with nothing seen; ``book`` is of the same history."""
        self._database = database
        self._book = book
        self._sizes: dict[tuple[str, str], int] = {}  # verdicts of each mission when it was looked at

    def keep(self) -> int:
        """Keep missions that have ended, or for which nothing came since the last time; return how many."""
        return sum(self._keep_of(*one) for one in list_robots(self._database))

    def _keep_of(self, robot_key: int, site: str, robot: str) -> int:
        missions = self._book.missions(site=site, robot=robot)[-MAX_OF_ROBOT:]
        kept = {(row[0], row[1]): row[2] for row in self._database.rows(_COUNTS, {"robot_key": robot_key})}
        ended = []
        for at, one in enumerate(missions):
            is_quiet = self._sizes.get((site, one.id)) == one.verdicts
            self._sizes[site, one.id] = one.verdicts
            if one.verdicts > kept.get(one.spans[0][:2], 0) and (at + 1 < len(missions) or is_quiet):
                ended.append(one)
        for one in ended:
            values = {
                "robot_key": robot_key,
                "epoch": one.spans[0].epoch,
                "first_seq": one.spans[0].first_seq,
                "verdicts": one.verdicts,
                "ended_us": round(one.ended_at.timestamp() * 1e6),
                "content": pack(one, read_spans(self._database, site, robot, one.spans)),
            }
            self._database.write(_KEEP, values)
        if ended:
            self._database.write(_DELETE_OLD, {"robot_key": robot_key, "most": MAX_OF_ROBOT})
        return len(ended)
