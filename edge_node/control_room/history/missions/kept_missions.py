"""Keep what is known of missions when their verdicts are deleted: corrosion is watched over years.

A kept mission has its figures and, in short stretches of its path, how many frames were judged to be what: so
much that a later mission can still be compared with it.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import bindparam, select

from edge_node.control_room.history.missions.mission import AssetMission, Point
from edge_node.control_room.history.missions.mission_points import list_robots, read_spans
from edge_node.control_room.history.storage.tables import mission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.database import Database

_CELLS = 1000
_SHORTEST_CELL_M = 0.05
_OF_ROBOT = mission.c.robot_key == bindparam("robot_key")
_KEPT = select(mission.c.content).where(_OF_ROBOT).order_by(mission.c.ended_us)


class _Cell(msgspec.Struct, frozen=True, array_like=True):
    """Frames of a stretch by what they were judged to be; a severity may be "" where none was told."""

    at: int
    uncorroded: int
    not_judged: int
    corroded: dict[str, int]


class _Kept(msgspec.Struct, frozen=True):
    mission: AssetMission
    width_m: float
    cells: list[_Cell]


def pack(one: AssetMission, points: Sequence[Point]) -> bytes:
    """Return what is kept of a mission and its verdicts."""
    length_m = (one.to_m or 0.0) - (one.from_m or 0.0)
    width_m = max(_SHORTEST_CELL_M, length_m / _CELLS)
    by_cell: dict[int, list[Point]] = {}
    for point in points:
        if point.distance_m is not None:
            by_cell.setdefault(math.floor(point.distance_m / width_m), []).append(point)
    cells = [
        _Cell(
            at,
            sum(point.is_judged and not point.is_corroded for point in there),
            sum(not point.is_judged for point in there),
            dict(Counter(point.severity or "" for point in there if point.is_corroded)),
        )
        for at, there in sorted(by_cell.items())
    ]
    return zlib.compress(msgspec.json.encode(_Kept(one, width_m, cells)))


def read_kept(database: Database, robot_key: int, who: tuple[str, str]) -> list[AssetMission]:
    """Return the kept missions of a robot."""
    kept = (_unpack(row[0]) for row in database.rows(_KEPT, {"robot_key": robot_key}))
    return [one.mission for one in kept if (one.mission.site, one.mission.robot) == who]


def add_kept(found: Sequence[AssetMission], kept: Sequence[AssetMission]) -> list[AssetMission]:
    """Return missions with those that are kept; of one that is partly deleted, what was kept."""
    missing = []
    for one in kept:
        overlapping = [other for other in found if _overlap(one, other)]
        if sum(other.verdicts for other in overlapping) < one.verdicts:
            missing.append(one)
            found = [other for other in found if other not in overlapping]
    return [*missing, *found]


def read_surface(database: Database, one: AssetMission) -> list[Point]:
    """Return a mission's verdicts, or points like them of its kept stretches where they are deleted."""
    points = read_spans(database, one.site, one.robot, one.spans)
    if len(points) >= one.verdicts:
        return points
    for key, site, robot in list_robots(database):
        if (site, robot) == (one.site, one.robot):
            for row in database.rows(_KEPT, {"robot_key": key}):
                if (kept := _unpack(row[0])).mission.spans == one.spans:
                    return _draw_points(kept)
    return points


def _overlap(one: AssetMission, other: AssetMission) -> bool:
    return one.asset == other.asset and any(
        other.overlaps((span.epoch, span.first_seq), (span.epoch, span.last_seq)) for span in one.spans
    )


def _unpack(content: bytes) -> _Kept:
    return msgspec.json.decode(zlib.decompress(content), type=_Kept)


def _draw_points(kept: _Kept) -> list[Point]:
    """Return points with the counts of each cell, evenly along it."""
    points = []
    for cell in kept.cells:
        kinds = [
            *[(True, False, None)] * cell.uncorroded,
            *[(False, False, None)] * cell.not_judged,
            *((True, True, name or None) for name, count in cell.corroded.items() for _ in range(count)),
        ]
        for number, (is_judged, is_corroded, severity) in enumerate(kinds):
            place = (cell.at + (number + 0.5) / len(kinds)) * kept.width_m
            points.append(Point("", 0, 0, kept.mission.asset, place, is_judged, is_corroded, severity))
    return points
