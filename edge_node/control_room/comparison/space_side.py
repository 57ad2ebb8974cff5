"""Read from the history what one mission saw in space, when a defect has no place along the path."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from edge_node.control_room.comparison.space_surface import SpacePoint, SpaceSurface
from edge_node.control_room.history.missions.mission_points import read_records
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.comparison.space_surface import Place
    from edge_node.control_room.comparison.surface import Look
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.defects.records import Sighting
    from edge_node.control_room.history.missions.mission import AssetMission
    from edge_node.messages.verdict import Verdict

_LEAST_REACH_M = 0.15  # how far from a place frames show it
_SIGMAS = 2.0
_FEW = 3
_UNKNOWN_SHIFT_M = 0.3  # of the origins of two passes, which no common places tell
_JUDGED = (Outcome.CORRODED, Outcome.UNCORRODED)


class SpaceSide:
    """What one mission saw in space; its verdicts are read when they are first asked for."""

    def __init__(self, database: Database, mission: AssetMission) -> None:
        self._database = database
        self._mission = mission
        self._surface: SpaceSurface | None = None
        self._seen: dict[int, list[Sighting]] = {}

    def note(self, key: int, own: Sequence[Sighting]) -> None:
        """Remember the findings of a defect that the mission made."""
        found = [one for one in own if one.summary.in_space is not None]
        if found:
            self._seen[key] = found

    def look(self, key: int, place: Place, sigma_m: float) -> Look:
        """Tell what the mission saw at a place on the asset where it did not find this defect."""
        if self._surface is None:
            self._surface = SpaceSurface(list(self._read()))
        shift, sd_m = self._find_shift()
        x_m, y_m, z_m = np.subtract(place, shift).tolist()
        reach_m = _LEAST_REACH_M + _SIGMAS * float(np.hypot(sd_m, sigma_m))
        others = [
            (at, _LEAST_REACH_M)
            for other, found in self._seen.items()
            if other != key
            for one in found
            if (at := one.summary.in_space) is not None
        ]
        return self._surface.look((x_m, y_m, z_m), reach_m, others)

    def _read(self) -> Iterator[SpacePoint]:
        for record in read_records(self._database, self._mission, lambda _done, _all: None):
            if (at := _locate(record.verdict)) is not None:
                outcome = record.verdict.outcome
                yield SpacePoint(at, outcome in _JUDGED, outcome is Outcome.CORRODED)

    def _find_shift(self) -> tuple[Place, float]:
        """Return how far the asset's places are from the mission's own, and how exactly that is known."""
        off = [
            np.subtract((placed.x_m or 0.0, placed.y_m or 0.0, placed.z_m or 0.0), one.summary.in_space)
            for found in self._seen.values()
            for one in found
            if (placed := one.placed) is not None and placed.is_sure and one.summary.in_space is not None
        ]
        if len(off) < _FEW:
            return (0.0, 0.0, 0.0), _UNKNOWN_SHIFT_M / _SIGMAS
        x_m, y_m, z_m = (float(median(column)) for column in zip(*off, strict=True))
        return (x_m, y_m, z_m), 0.0


def _locate(verdict: Verdict) -> Place | None:
    pose = verdict.pose
    if pose is None or (pose.x_m is None and pose.y_m is None and pose.z_m is None):
        return None
    return pose.x_m or 0.0, pose.y_m or 0.0, pose.z_m or 0.0
