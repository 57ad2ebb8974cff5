"""Compute the state and the growth of a defect from its sightings. Pure."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.growth import Basis, Growth, PassValue, Trend, describe_growth
from edge_node.control_room.history.defects.records import SEVERITIES, DefectState, Measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.defects.records import Sighting

_SAME_SCALE = 1.05  # a scale that differs by less did not change
_SCALE_CHANGED = (
    "No trend can be told: the robot was not always equally far away, and areas in mm² are not known."
)
_SCALE_UNKNOWN = "No trend can be told: shares of pictures of several cameras cannot be compared."


def measure_growth(sightings: Sequence[Sighting], severities: Sequence[str] = SEVERITIES) -> Growth:
    """Return the growth of a defect: by its area in mm², else by its share of pictures of one scale.

    Without an area the severity tells, in steps.

    Args:
        sightings: of the defect.
        severities: from the least to the worst, as the room's configuration names them.
    """
    passes = _choose_of_passes(sightings)
    for basis in (Basis.AREA_MM2, Basis.AREA_FRACTION, Basis.SEVERITY):
        having = [one for one in passes if _measure(one, basis, severities) is not None]
        if len(having) < min(len(passes), 3) or not having:
            continue
        if basis is Basis.AREA_FRACTION and (why_not := _find_scale_fault(having)):
            return describe_growth(_values(having, basis, severities), None, why_not)
        return describe_growth(_values(having, basis, severities), basis)
    return describe_growth([], None, _name_unranked(passes, severities))


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


def _values(passes: Sequence[Sighting], basis: Basis, severities: Sequence[str]) -> list[PassValue]:
    return [
        PassValue(one.summary.at, measure.mean, measure.sd, measure.count)
        for one in passes
        if (measure := _measure(one, basis, severities)) is not None
    ]


def _measure(one: Sighting, basis: Basis, severities: Sequence[str]) -> Measure | None:
    if basis is not Basis.SEVERITY:
        return one.summary.measures.get(basis.value)
    told = one.summary.severities
    levels = [level for level, word in enumerate(severities) for _ in range(told.get(word, 0))]
    if not levels:
        return None
    return Measure(fmean(levels), stdev(levels) if len(levels) > 1 else 0.0, len(levels))


def _name_unranked(passes: Sequence[Sighting], severities: Sequence[str]) -> str:
    """Say which severities the room's file does not rank; "" if there are none."""
    words = sorted({word for one in passes for word in one.summary.severities} - set(severities))
    if not words:
        return ""
    return f"No trend can be told: severities in [room] does not name {', '.join(words)}."


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
