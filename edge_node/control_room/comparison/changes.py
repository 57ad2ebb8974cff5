"""Tell what changed between two missions over one asset, defect by defect. Pure.

What the later mission did not judge is never gone, and what the earlier one did not judge is not surely new.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from edge_node.control_room.comparison.surface import Look, Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from edge_node.control_room.comparison.space_surface import Place
    from edge_node.control_room.comparison.surface import Surface

_SIGMAS = 2.0  # beyond which a difference is more than scatter
_SMALLEST_GROWTH = 0.1  # of the area: the map is coarse
_SMALLEST_TOLERANCE_M = 0.05


class ChangeKind(str, Enum):
    """What became of a defect from the earlier mission to the later one."""

    NEW = "new"
    GROWN = "grown"
    GONE = "gone"
    UNSEEN = "unseen"  # this time: its place was not judged
    SEEN_AGAIN = "seen_again"  # known from before the earlier mission, which did not find it
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A defect as one mission saw it; of several findings of it, the worst.

    Attributes:
        stretch: in the mission's own metres; None without a distance.
        sigma_m: uncertainty of the place; None if the robot told none.
        level: severity by its place in the room's list; None if it is not in it.
        area: its mean over the mission's verdicts, in mm² where ``is_mm2``, else a share of the picture.
        standard_error: of ``area``; None if one verdict alone tells it.
        picture: hash of its worst picture.
        shows: what the robot decided on that picture, for its caption; "" if it did not say.
    """

    robot: str
    finding_id: str
    at: datetime
    stretch: Stretch | None = None
    sigma_m: float | None = None
    material: str | None = None
    form: str | None = None
    severity: str | None = None
    level: int | None = None
    confidence: float | None = None
    area_fraction: float | None = None
    area_mm2: float | None = None
    area: float | None = None
    is_mm2: bool = False
    standard_error: float | None = None
    verdicts: int = 0
    picture: str | None = None
    shows: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDefect:
    """A defect that at least one of two missions saw.

    Attributes:
        place: where on the asset, in its metres; None without a distance.
        in_space: where on the asset; None where no position in space is known.
        was_known: it was seen before the earlier mission.
        may_be: other defects, by label, of which it is not known whether it is one of them.
    """

    key: int
    label: str
    name: str = ""
    state: str = ""
    place: Stretch | None = None
    in_space: Place | None = None
    was_known: bool = False
    may_be: tuple[str, ...] = ()
    earlier: Sight | None = None
    later: Sight | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one defect.

    Attributes:
        is_sure: False for what is new where the earlier mission did not judge: it may be older.
        text: why, in a sentence.
    """

    kind: ChangeKind
    defect: SeenDefect
    text: str
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class MissionView:
    """One of the two missions, as far as comparing needs it.

    Attributes:
        stretches: of all its findings, by defect.
        to_own: converts metres of the asset to its own; the drift of its odometer.
        sigma_m: uncertainty of that drift.
        sigma_per_m: what is added to it for each metre of the way, where the drift is not known.
        look_in_space: tells what was seen at a place in space where the mission did not find a defect:
            takes its key, the place and its uncertainty. None where nobody reads it.
    """

    surface: Surface
    stretches: Mapping[int, Sequence[Stretch]]
    to_own: Callable[[float], float]
    sigma_m: float = 0.0
    sigma_per_m: float = 0.0
    look_in_space: Callable[[int, Place, float], Look] | None = None


def compare(seen: Sequence[SeenDefect], earlier: MissionView, later: MissionView) -> list[Change]:
    """Return what became of each defect: new ones first, then grown, gone, unseen and others, by place."""
    changes = [_compare_one(one, earlier, later) for one in seen]
    order = list(ChangeKind)
    changes.sort(
        key=lambda one: (
            order.index(one.kind),
            one.defect.place.from_m if one.defect.place else math.inf,
            one.defect.key,
        )
    )
    return changes


def _compare_one(defect: SeenDefect, earlier: MissionView, later: MissionView) -> Change:
    if defect.earlier and defect.later:
        return _compare_sights(defect, defect.earlier, defect.later)
    if defect.may_be:
        text = f"it may be {' or '.join(defect.may_be)}: a person can join or part them"
        kind = ChangeKind.UNSEEN if defect.earlier else ChangeKind.NEW
        return Change(kind=kind, defect=defect, text=text, is_sure=False)
    if defect.earlier:
        look = _look(defect, later)
        kind = ChangeKind.GONE if look is Look.UNCORRODED else ChangeKind.UNSEEN
        return Change(kind=kind, defect=defect, text=_UNSEEN_TEXTS[look])
    if defect.was_known:
        return Change(kind=ChangeKind.SEEN_AGAIN, defect=defect, text="found before the earlier mission too")
    look = _look(defect, earlier)
    is_sure = look is Look.UNCORRODED
    return Change(kind=ChangeKind.NEW, defect=defect, text=_NEW_TEXTS[look], is_sure=is_sure)


_UNSEEN_TEXTS = {
    Look.UNCORRODED: "its place was judged this time, and is uncorroded",
    Look.NOT_REACHED: "the robot did not come to its place this time",
    Look.NOT_JUDGED: "its place was not judged this time",
    Look.CORRODED: "some frames at its place say corroded this time, too few for a finding",
    Look.NO_PLACE: "without a place on the asset it is not known whether it was looked at this time",
}
_NEW_TEXTS = {
    Look.UNCORRODED: "its place was judged uncorroded in the earlier mission",
    Look.NOT_REACHED: "the robot did not come to its place in the earlier mission: it may be older",
    Look.NOT_JUDGED: "its place was not judged in the earlier mission: it may be older",
    Look.CORRODED: "some frames of the earlier mission said corroded there, too few for a finding",
    Look.NO_PLACE: "without a place on the asset it is not known whether it is older",
}


def _look(defect: SeenDefect, mission: MissionView) -> Look:
    """Tell what a mission saw at the place of a defect that it did not find."""
    of, sight = defect.place, defect.earlier or defect.later
    own_sigma_m = (sight.sigma_m if sight else None) or 0.0
    if of is None:
        if defect.in_space is None or mission.look_in_space is None:
            return Look.NO_PLACE
        return mission.look_in_space(defect.key, defect.in_space, own_sigma_m)
    ends = sorted((mission.to_own(of.from_m), mission.to_own(of.to_m)))
    drift_m = math.hypot(mission.sigma_m, mission.sigma_per_m * max(map(abs, ends)))
    sigma_m = math.hypot(drift_m, own_sigma_m)
    tolerance_m = max(_SMALLEST_TOLERANCE_M, _SIGMAS * sigma_m)
    neighbours = [
        stretch for key, stretches in mission.stretches.items() if key != defect.key for stretch in stretches
    ]
    return mission.surface.look(Stretch(*ends), tolerance_m, neighbours)


def _compare_sights(defect: SeenDefect, before: Sight, after: Sight) -> Change:
    levels = before.level, after.level
    if levels[0] is not None and levels[1] is not None and levels[1] > levels[0]:
        text = f"severity {before.severity} then, {after.severity} now"
        return Change(kind=ChangeKind.GROWN, defect=defect, text=text)
    if before.area is None or after.area is None or before.is_mm2 != after.is_mm2:
        return Change(kind=ChangeKind.UNCHANGED, defect=defect, text="severity is the same or less")
    difference = after.area - before.area
    words = f"area {_area(before)} then, {_area(after)} now"
    if before.standard_error is None or after.standard_error is None:
        text = f"{words}; too few verdicts to tell growth from scatter"
        return Change(kind=ChangeKind.UNCHANGED, defect=defect, text=text)
    scatter = _SIGMAS * math.hypot(before.standard_error, after.standard_error)
    if difference > max(scatter, _SMALLEST_GROWTH * before.area):
        return Change(kind=ChangeKind.GROWN, defect=defect, text=words)
    text = words if -difference > scatter else f"{words}: no more than the scatter of verdicts"
    return Change(kind=ChangeKind.UNCHANGED, defect=defect, text=text)


def _area(sight: Sight) -> str:
    error = _SIGMAS * (sight.standard_error or 0.0)
    if sight.is_mm2:
        return f"{_say_rounded(sight.area or 0.0, 3)} ± {_say_rounded(error, 2)} mm²"
    return f"{100 * (sight.area or 0.0):.3g} ± {100 * error:.2g} % of the picture"


def _say_rounded(value: float, digits: int) -> str:
    """Return a number with so many significant digits, and no power of ten: 18,600."""
    return f"{float(f'{value:.{digits}g}'):,.12g}"
