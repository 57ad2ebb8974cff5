"""Tell what a mission saw of a stretch of its path: whether, and what, it was judged to be. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from edge_node.control_room.history.missions.mission import compute_hole_m
from edge_node.control_room.history.strip_cells import StripCell, round_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge_node.control_room.history.missions.mission import Point

_EDGE_M = 0.05  # of a neighbour's extent: its own frames reach a little further than its finding says


class Look(str, Enum):
    """What a mission says of a stretch where it found no defect."""

    UNCORRODED = "uncorroded"  # judged along its whole length, and nowhere corroded
    NOT_REACHED = "not_reached"  # the robot was not there
    NOT_JUDGED = "not_judged"  # uncertain, dark, passed over
    CORRODED = "corroded"  # some frames say so, too few for a finding
    NO_PLACE = "no_place"  # not known where along the path it is


class Stretch(NamedTuple):
    """A part of the path in a mission's own metres."""

    from_m: float
    to_m: float


class Surface:
    """The verdicts of one mission along its path."""

    def __init__(self, points: Sequence[Point]) -> None:
        """Sort them by place; those without a place say nothing of one."""
        self._points = sorted(
            ((point.distance_m, point) for point in points if point.distance_m is not None),
            key=lambda one: one[0],
        )
        self._places = [place for place, _ in self._points]
        self.hole_m = compute_hole_m([place for place, point in self._points if point.is_judged])

    def __len__(self) -> int:
        """Return the number of verdicts with a place."""
        return len(self._places)

    def look(self, of: Stretch | None, tolerance_m: float, neighbours: Iterable[Stretch] = ()) -> Look:
        """Tell what the mission saw of a stretch where it found nothing.

        Args:
            of: the stretch; None if it is not known.
            tolerance_m: how far off it may lie.
            neighbours: stretches of findings of this mission that are other defects; what is corroded there
                is theirs.
        """
        if of is None or not self._places:
            return Look.NO_PLACE
        low, high = of.from_m - tolerance_m, of.to_m + tolerance_m
        if of.to_m < self._places[0] or of.from_m > self._places[-1]:
            return Look.NOT_REACHED
        near = self._between(low, high)
        others = [Stretch(one.from_m - _EDGE_M, one.to_m + _EDGE_M) for one in neighbours]
        own = [
            (place, point)
            for place, point in near
            if not any(one.from_m <= place <= one.to_m for one in others)
        ]
        if any(point.is_corroded for _, point in own):
            return Look.CORRODED
        judged = [place for place, point in near if point.is_judged]
        uncorroded = [place for place, point in own if point.is_judged]
        if not self._covers(judged, max(low, self._places[0]), min(high, self._places[-1])):
            return Look.NOT_JUDGED
        core = [point.is_judged for _, point in self._between(of.from_m - _EDGE_M, of.to_m + _EDGE_M)]
        if not self._covers(uncorroded, of.from_m, of.to_m) or 2 * sum(core) < len(core):
            return Look.NOT_JUDGED
        return Look.UNCORRODED

    def cells(self, most: int) -> list[StripCell]:
        """Count the verdicts in at most so many equal stretches of the path; empty ones are left out."""
        if not self._places:
            return []
        return self.aligned_cells(choose_width((self._places[0], self._places[-1]), most), float)

    def aligned_cells(self, width_m: float, to_asset: Callable[[float], float]) -> list[StripCell]:
        """Count them in stretches of the asset, whose metres ``to_asset`` makes of the mission's own."""
        by_cell: dict[int, list[Point]] = {}
        for place, point in self._points:
            by_cell.setdefault(math.floor(to_asset(place) / width_m), []).append(point)
        return [_count_cell(at * width_m, width_m, points) for at, points in sorted(by_cell.items())]

    def _between(self, low: float, high: float) -> list[tuple[float, Point]]:
        return self._points[bisect_left(self._places, low) : bisect_right(self._places, high)]

    def _covers(self, places: Sequence[float], low: float, high: float) -> bool:
        """Tell whether places lie so close that no hole is left between ``low`` and ``high``."""
        if not places:
            return False
        ends = [low - self.hole_m / 2, *places, high + self.hole_m / 2]
        return all(after - before <= self.hole_m for before, after in pairwise(ends))


def choose_width(ends: tuple[float, float], most: int) -> float:
    """Return a round length of which at most so many cover a stretch."""
    return round_step((max(ends) - min(ends)) / max(most - 1, 1))


def _count_cell(start: float, width_m: float, points: Sequence[Point]) -> StripCell:
    by_severity: dict[str, int] = {}
    for point in points:
        if point.is_corroded:
            by_severity[point.severity or ""] = by_severity.get(point.severity or "", 0) + 1
    judged = sum(point.is_judged for point in points)
    return StripCell(
        start=start,
        end=start + width_m,
        judged=judged,
        not_judged=len(points) - judged,
        corroded=sum(by_severity.values()),
        by_severity=by_severity,
        peak_area_fraction=None,
    )
