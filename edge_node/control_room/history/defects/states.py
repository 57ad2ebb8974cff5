"""Compute the state and the growth of a defect from its sightings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.growth import Basis, Growth, PassValue, Trend, describe_growth
from edge_node.control_room.history.defects.records import DefectState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.defects.records import Sighting

_SAME_SCALE = 1.05  # a scale that differs by less did not change
_SCALE_CHANGED = (
    "No trend can be told: the robot was not always equally far away, and areas in mm² are not known."
)
_SCALE_UNKNOWN = "No trend can be told: shares of pictures of several cameras cannot be compared."


def measure_growth(sightings: Sequence[Sighting]) -> Growth:
    """Return the growth of a defect: by its area in mm², else by its share of pictures of one scale.

    Without an area the severity tells, in steps.
    """
    passes = _choose_of_passes(sightings)
    for basis in (Basis.AREA_MM2, Basis.AREA_FRACTION, Basis.SEVERITY):
        having = [one for one in passes if basis.value in one.summary.measures]
        if len(having) < min(len(passes), 3) or not having:
            continue
        if basis is Basis.AREA_FRACTION and (why_not := _find_scale_fault(having)):
            return describe_growth(_values(having, basis), None, why_not)
        return describe_growth(_values(having, basis), basis)
    return describe_growth([], None)


def compute_state(sightings: Sequence[Sighting], growth: Growth) -> DefectState:
    """Return what the sightings of a defect say of it."""
    if _is_unsure(sightings):
        return DefectState.UNSURE
    if len(_choose_of_passes(sightings)) <= 1:
        return DefectState.NEW
    if growth.trend is Trend.GROWING:
        return DefectState.GROWING
    return DefectState.STABLE if growth.trend is Trend.STABLE else DefectState.KNOWN


def count_passes(sightings: Sequence[Sighting]) -> int:
    """Return in how many passes a defect was seen."""
    return len(_choose_of_passes(sightings))


def _is_unsure(sightings: Sequence[Sighting]) -> bool:
    return all(
        one.placed is not None and not one.placed.is_sure and not one.is_pinned for one in sightings
    ) and bool(sightings)


def _choose_of_passes(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Return of each pass the sighting with most frames, oldest first."""
    chosen: dict[str, Sighting] = {}
    for one in sightings:
        name = one.finding_id if one.placed is None else one.placed.pass_id
        if name not in chosen or chosen[name].summary.frames < one.summary.frames:
            chosen[name] = one
    return sorted(chosen.values(), key=lambda one: (one.summary.at, one.key))


def _values(passes: Sequence[Sighting], basis: Basis) -> list[PassValue]:
    return [
        PassValue(one.summary.at, measure.mean, measure.sd, measure.count)
        for one in passes
        for measure in [one.summary.measures[basis.value]]
    ]


def _find_scale_fault(passes: Sequence[Sighting]) -> str:
    """Return why shares of pictures cannot be compared; "" if their scale is not known to have changed."""
    for name in ("mm_per_px", "range_mm"):
        known = [getattr(one.summary, name) for one in passes]
        if all(known):
            return "" if max(known) <= _SAME_SCALE * min(known) else _SCALE_CHANGED
        if any(known):
            return _SCALE_CHANGED
    cameras = {(one.robot, one.summary.source) for one in passes}
    return "" if len(cameras) == 1 else _SCALE_UNKNOWN
