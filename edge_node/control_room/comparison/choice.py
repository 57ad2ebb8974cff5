"""Choose the two missions that are compared: those that a person names, or one and the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge_node.control_room.history.missions.mission import AssetMission
    from edge_node.control_room.history.missions.mission_book import MissionBook

_COMMON_SHARE = 0.5  # of the later mission's way that the one before it covers, to be worth comparing


def need_mission(book: MissionBook, site: str, mission_id: str) -> AssetMission:
    """Return a mission by its id.

    Raises:
        CorrosionError: there is none.
    """
    found = book.find(site, mission_id)
    if found is None:
        raise CorrosionError(f"no mission {mission_id[:120]!r} at {site[:64]}; /api/missions lists them")
    return found


def find_before(missions: Sequence[AssetMission], later: AssetMission) -> AssetMission | None:
    """Return the newest mission over the same asset before ``later``; one that was where it was, if any.

    Args:
        missions: by time, the oldest first.
        later: one of them.
    """
    if later.asset is None:
        return None
    before = [
        one
        for one in missions
        if (one.site, one.asset) == (later.site, later.asset) and one.began_at < later.began_at
    ]
    common = [one for one in before if _share_common(one, later) >= _COMMON_SHARE]
    chosen = common or before
    return chosen[-1] if chosen else None


def find_only(missions: Sequence[AssetMission], begin: datetime, end: datetime) -> AssetMission | None:
    """Return the mission that lies between two times, if it is the only one that reaches there."""
    inside = [one for one in missions if one.began_at <= end and one.ended_at >= begin]
    return inside[0] if len(inside) == 1 else None


def _share_common(one: AssetMission, later: AssetMission) -> float:
    if one.from_m is None or one.to_m is None or later.from_m is None or later.to_m is None:
        return 1.0 if one.from_m == later.from_m else 0.0
    length_m = later.to_m - later.from_m
    common_m = min(one.to_m, later.to_m) - max(one.from_m, later.from_m)
    return common_m / length_m if length_m > 0 else float(common_m >= 0)
