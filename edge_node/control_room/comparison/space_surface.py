"""Tell what a mission saw of a place in space: whether, and what, it was judged to be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_node.control_room.comparison.surface import Look
from edge_node.control_room.history.missions.mission import compute_hole_m

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Place = tuple[float, float, float]

_NEIGHBOUR_M = 0.05  # frames beside a neighbour's finding show it too
_FEW = 2  # judged frames near a place, of which one alone may look past it


class SpacePoint(NamedTuple):
    """What of a verdict in space tells what was seen where; ``at`` is the robot's position."""

    at: Place
    is_judged: bool
    is_corroded: bool


class SpaceSurface:
    """The verdicts of one mission in space."""

    def __init__(self, points: Sequence[SpacePoint]) -> None:
        """Take them in the order in which the robot went."""
        self._at = np.array([point.at for point in points]).reshape(-1, 3)
        self._is_judged = np.array([point.is_judged for point in points], bool)
        self._is_corroded = np.array([point.is_corroded for point in points], bool)
        way = np.linalg.norm(np.diff(self._at, axis=0), axis=1).cumsum()
        self.hole_m = compute_hole_m([0.0, *way.tolist()] if len(points) else [])

    def look(self, place: Place, reach_m: float, neighbours: Iterable[tuple[Place, float]] = ()) -> Look:
        """Tell what the mission saw around a place where it found nothing.

        Args:
            place: in the mission's own metres.
            reach_m: how far from it frames show it, and how far off it may lie.
            neighbours: places and reaches of findings of this mission that are other defects.
        """
        if not len(self._at):
            return Look.NO_PLACE
        off_m = np.linalg.norm(self._at - place, axis=1)
        near = off_m <= reach_m
        if not near.any():
            return Look.NOT_REACHED if off_m.min() > reach_m + self.hole_m else Look.NOT_JUDGED
        own = near.copy()
        for at, extent_m in neighbours:
            own &= np.linalg.norm(self._at - at, axis=1) > extent_m + _NEIGHBOUR_M
        if (own & self._is_corroded).any():
            return Look.CORRODED
        judged = own & self._is_judged
        if judged.sum() < _FEW or 2 * judged.sum() < own.sum():
            return Look.NOT_JUDGED
        return Look.UNCORRODED
