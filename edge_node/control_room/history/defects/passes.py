"""Split the sightings of an asset into passes: one robot, one direction, one run of its distance. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.spots import DEFAULT_SIGMA_M

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_node.control_room.history.defects.records import Sighting

_TURN_M = 0.5  # back from the farthest place: the robot turned round, or began again
_TURN_SIGMAS = 4.0
_RESTART = timedelta(minutes=30)  # a node that starts again goes on with its pass within it


@dataclass(frozen=True, slots=True)
class Pass:
    """Sightings of one robot on its way along an asset, in the order in which it saw them."""

    sightings: tuple[Sighting, ...]
    is_descending: bool = False

    @property
    def id(self) -> str:
        """What the pass is called: its first sighting's robot, epoch and number."""
        first = self.sightings[0]
        return f"{first.robot}:{first.summary.epoch}:{first.summary.first_seq}"

    @property
    def first_key(self) -> int:
        """The sighting that was stored first: passes are matched in this order."""
        return min(one.key for one in self.sightings)

    @property
    def sigma_m(self) -> float | None:
        """The standard deviation of its positions as the robot states it, the median."""
        stated = [one.summary.sigma_m for one in self.sightings if one.summary.sigma_m is not None]
        return median(stated) if stated else None


def split_passes(sightings: Iterable[Sighting]) -> list[Pass]:
    """Return the passes of sightings of one asset, in the order in which the room first heard of them.

    By epoch and number, not by time: clocks may be wrong. Sightings in space are one pass for each epoch.
    """
    by_epoch: dict[tuple[str, str, bool], list[Sighting]] = {}
    for one in sorted(sightings, key=lambda found: found.key):
        is_along = one.summary.distance_m is not None
        by_epoch.setdefault((one.robot, one.summary.epoch, is_along), []).append(one)
    runs: dict[tuple[str, bool], list[list[Sighting]]] = {}
    for (robot, _, is_along), found in by_epoch.items():
        found.sort(key=lambda one: one.summary.first_seq)
        before = runs.setdefault((robot, is_along), [])
        if before and is_along and _goes_on(before[-1], found):
            before[-1].extend(found)
        else:
            before.append(found)
    passes = [
        one
        for (_, is_along), found in runs.items()
        for run in found
        for one in (_split_turns(run) if is_along else [Pass(tuple(run))])
    ]
    return sorted(passes, key=lambda one: one.first_key)


def _goes_on(before: Sequence[Sighting], after: Sequence[Sighting]) -> bool:
    """Tell whether a run goes on after a restart: soon, and not from the beginning."""
    last, first = before[-1].summary, after[0].summary
    step = _at_m(after[0]) - _at_m(before[-1])
    is_back = abs(_at_m(after[0])) < abs(_at_m(before[0])) and len(before) > 1
    return abs(first.at - last.at) <= _RESTART and not is_back and abs(step) <= max(5.0, _turn_m(before))


def _split_turns(run: Sequence[Sighting]) -> list[Pass]:
    """Split where the distance comes back from its farthest place."""
    passes, rest = [], list(run)
    while rest:
        end, is_descending = _find_turn(rest)
        passes.append(Pass(tuple(rest[:end]), is_descending))
        rest = rest[end:]
    return passes


def _find_turn(run: Sequence[Sighting]) -> tuple[int, bool]:
    """Return how many sightings lie before the first turn, and whether they go backwards."""
    far_m = _turn_m(run)
    lowest = highest = 0
    direction = 0
    for index, one in enumerate(run):
        at_m = _at_m(one)
        if at_m >= _at_m(run[highest]):
            highest = index
        if at_m <= _at_m(run[lowest]):
            lowest = index
        if direction >= 0 and _at_m(run[highest]) - at_m > far_m:
            if direction > 0:
                return highest + 1, False
            if highest == 0:
                direction = -1
            else:
                return highest + 1, False
        if direction <= 0 and at_m - _at_m(run[lowest]) > far_m:
            if direction < 0 or lowest != 0:
                return lowest + 1, True
            direction = 1
    return len(run), direction < 0 or (direction == 0 and _at_m(run[-1]) < _at_m(run[0]))


def _turn_m(run: Sequence[Sighting]) -> float:
    sigmas = [one.summary.sigma_m or DEFAULT_SIGMA_M for one in run]
    return max(_TURN_M, _TURN_SIGMAS * min(median(sigmas), 0.5))


def _at_m(one: Sighting) -> float:
    return one.summary.distance_m or 0.0
