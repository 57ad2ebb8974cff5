"""Read from the history what two missions over one asset saw, and compare them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_node.control_room.comparison.changes import Change, MissionView, SeenDefect, Sight, compare
from edge_node.control_room.comparison.space_side import SpaceSide
from edge_node.control_room.comparison.surface import Stretch, Surface, choose_width
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import DefectFilter, DefectState
from edge_node.control_room.history.missions.kept_missions import read_surface
from edge_node.errors import CorrosionError
from edge_node.messages.plain_text import area_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.history.defects.drift import PassDrift
    from edge_node.control_room.history.defects.records import Defect, Sighting
    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.missions.mission import AssetMission
    from edge_node.control_room.history.records import StripCell

_MAX_DEFECTS = 10_000
_CELLS = 240
_LEAST_REACH_M, _REACH_SIGMAS = 0.3, 5.0
_UNKNOWN_DRIFT = 0.05  # of the distance: that of an odometer on a wet pipe


class ComparisonError(CorrosionError):
    """Two missions cannot be compared; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two missions over one asset, side by side.

    Attributes:
        changes: new ones first, then grown, gone, unseen and the others.
        left_out: defects that a person called none.
        drift: a sentence on how the places of both were aligned.
        cells: both strips in stretches of the asset, the earlier one first; None without a distance.
    """

    earlier: AssetMission
    later: AssetMission
    changes: tuple[Change, ...]
    left_out: int
    drift: str
    cells: tuple[tuple[StripCell, ...], tuple[StripCell, ...]] | None

    @property
    def counts(self) -> Counter[str]:
        """Defects by kind of change."""
        return Counter(change.kind.value for change in self.changes)

    def list_texts(self) -> Iterator[str]:
        """Yield what robots and people named, for the choice of fonts."""
        for mission in (self.earlier, self.later):
            yield f"{mission.name}{mission.asset or ''}"
        for change in self.changes:
            yield change.defect.name
            yield from (f"{one.material}{one.form}{one.severity}" for one in _sights(change.defect))


def compare_missions(
    history: History, earlier: AssetMission, later: AssetMission, severities: Sequence[str]
) -> Comparison:
    """Compare two missions.

    Args:
        history: of the control room.
        earlier: the mission that is compared with.
        later: the mission whose changes are told.
        severities: from the least to the worst, as the room's configuration names them.

    Raises:
        ComparisonError: they are of different assets or sites, or are one.
    """
    if (earlier.site, earlier.asset) != (later.site, later.asset):
        names = [f"{one.asset or 'no asset'} at {one.site}" for one in (earlier, later)]
        raise ComparisonError(f"missions over {names[0]} and over {names[1]} cannot be compared")
    if earlier.id == later.id:
        raise ComparisonError("a mission cannot be compared with itself; choose two")
    book = DefectBook(history.database, severities)
    drifts = [] if later.asset is None else book.drifts(later.site, later.asset)
    sides = [_Side(history, one, drifts, severities) for one in (earlier, later)]
    only = DefectFilter(site=later.site, asset=later.asset)
    defects = [one for one in book.defects(only, limit=_MAX_DEFECTS) if one.asset == later.asset]
    labels = {one.key: one.label for one in defects}
    seen, left_out = [], 0
    for defect in defects:
        sightings = book.observations(defect.key)
        if not any(side.saw(one) for side in sides for one in sightings):
            continue
        if defect.state is DefectState.NOT_A_DEFECT:
            left_out += 1
            continue
        seen.append(_see(defect, sightings, sides, labels))
    views = [side.view() for side in sides]
    return Comparison(
        earlier=earlier,
        later=later,
        changes=tuple(compare(mark_doubts(seen, _find_reach(sides)), *views)),
        left_out=left_out,
        drift=_say_drift(sides, in_space=any(one.in_space for one in seen)),
        cells=_align(sides),
    )


class _Side:
    """One of the two missions: its verdicts, its drift, and what it saw of each defect."""

    def __init__(
        self,
        history: History,
        mission: AssetMission,
        drifts: Sequence[PassDrift],
        severities: Sequence[str],
    ) -> None:
        self.mission = mission
        self.drift = _find_drift(mission, drifts)
        self.surface = Surface(read_surface(history.database, mission))
        self.stretches: dict[int, list[Stretch]] = {}
        self._space = SpaceSide(history.database, mission)
        self._history = history
        self._severities = list(severities)

    def saw(self, one: Sighting) -> bool:
        """Tell whether a finding was seen in this mission."""
        told, mission = one.summary, self.mission
        if (one.site, one.robot, one.asset) != (mission.site, mission.robot, mission.asset):
            return False
        return mission.overlaps((told.epoch, told.first_seq), (told.last_epoch, told.last_seq))

    def see(self, key: int, sightings: Sequence[Sighting]) -> Sight | None:
        """Return how the mission saw a defect: by its worst finding; None if it found none."""
        own = [one for one in sightings if self.saw(one)]
        if not own:
            return None
        stretches = [stretch for one in own if (stretch := _stretch(one)) is not None]
        self.stretches[key] = stretches
        self._space.note(key, own)
        worst = max(own, key=lambda one: (self._level(one) or -1, one.summary.area_fraction or 0.0, one.key))
        ends = [end for stretch in stretches for end in stretch]
        return self._sight(worst, Stretch(min(ends), max(ends)) if ends else None)

    def view(self) -> MissionView:
        """Return what comparing needs."""
        per_m = 0.0 if self.drift is not None and self.drift.is_sure else _UNKNOWN_DRIFT
        return MissionView(
            surface=self.surface,
            stretches=self.stretches,
            to_own=float if self.drift is None else self.drift.to_own,
            sigma_m=0.0 if self.drift is None else self.drift.sigma_m,
            sigma_per_m=per_m,
            look_in_space=self._space.look,
        )

    def to_asset(self, own_m: float) -> float:
        """Convert the mission's own metres to the asset's."""
        return own_m if self.drift is None else self.drift.to_asset(own_m)

    def _level(self, one: Sighting) -> int | None:
        severity = one.summary.severity
        return self._severities.index(severity) if severity in self._severities else None

    def _sight(self, one: Sighting, stretch: Stretch | None) -> Sight:
        told = one.summary
        measure = told.measures.get("area_mm2") or told.measures.get("area_fraction")
        return Sight(
            robot=one.robot,
            finding_id=one.finding_id,
            at=told.at,
            stretch=stretch,
            sigma_m=told.sigma_m,
            material=told.material,
            form=told.form,
            severity=told.severity,
            level=self._level(one),
            confidence=told.confidence,
            area_fraction=told.area_fraction,
            area_mm2=told.area_mm2,
            area=measure.mean if measure else None,
            is_mm2="area_mm2" in told.measures,
            standard_error=measure.sd / measure.count**0.5 if measure and measure.count > 1 else None,
            verdicts=measure.count if measure else 0,
            picture=told.picture,
            shows=self._say_picture(one),
        )

    def _say_picture(self, one: Sighting) -> str:
        """Say what a finding's picture shows, which its peaks need not be; "" if that is not known."""
        record = self._history.finding(one.finding_id, site=one.site)
        shown = record.finding.best_evidence if record is not None else None
        if record is None or shown is None or record.finding.best_evidence_sha256 != one.summary.picture:
            return ""
        facts = [shown.severity or ""]
        facts += [f"about {shown.area_fraction:.0%} corroded"] if shown.area_fraction else []
        facts += [f"about {area_text(shown.area_mm2)}"] if shown.area_mm2 else []
        facts += [f"confidence {shown.confidence:.0%}"] if shown.confidence is not None else []
        return ", ".join(filter(None, facts))


def _see(
    defect: Defect, sightings: Sequence[Sighting], sides: Sequence[_Side], labels: dict[int, str]
) -> SeenDefect:
    earlier, later = (side.see(defect.key, sightings) for side in sides)
    which = next(side for side, sight in zip(sides, (earlier, later), strict=True) if sight is not None)
    sight = earlier or later
    place = None
    if sight is not None and sight.stretch is not None:
        place = Stretch(*sorted(which.to_asset(end) for end in sight.stretch))
    return SeenDefect(
        key=defect.key,
        label=defect.label,
        name=defect.name,
        state=defect.state.value,
        place=place,
        in_space=None if defect.distance_m is not None else _locate(defect),
        was_known=any(one.summary.at < sides[0].mission.began_at for one in sightings),
        may_be=tuple(labels.get(key, f"D{key}") for key, _ in defect.candidates) if defect.is_unsure else (),
        earlier=earlier,
        later=later,
    )


def _locate(defect: Defect) -> tuple[float, float, float] | None:
    if defect.x_m is None and defect.y_m is None and defect.z_m is None:
        return None
    return defect.x_m or 0.0, defect.y_m or 0.0, defect.z_m or 0.0


def _find_reach(sides: Sequence[_Side]) -> float:
    """Return how far apart two places may be told that are one, in metres."""
    drifts = [side.drift for side in sides]
    if not all(drift is not None and drift.is_sure for drift in drifts):
        return math.inf
    sigma_m = math.hypot(*(drift.sigma_m for drift in drifts if drift is not None))
    return max(_LEAST_REACH_M, _REACH_SIGMAS * sigma_m)


def mark_doubts(seen: Sequence[SeenDefect], reach_m: float) -> list[SeenDefect]:
    """Tell a defect that only one mission saw of those of the other mission that may be the same.

    Where both missions are aligned, what lies farther off than ``reach_m`` is another place.
    """
    by_label = {one.label: one for one in seen}
    pairs = {
        (one.label, label)
        for one in seen
        for label in one.may_be
        if label not in by_label or _gap_m(one, by_label[label]) <= reach_m
    }
    found = []
    for one in seen:
        doubts = {label for own, label in pairs if own == one.label}
        if one.later is None:
            doubts |= {own for own, label in pairs if label == one.label and by_label[own].later}
        found.append(replace(one, may_be=tuple(sorted(doubts))))
    return found


def _gap_m(one: SeenDefect, other: SeenDefect) -> float:
    """Return the distance between two defects along the asset; 0 where it is not known."""
    if one.place is None or other.place is None:
        return 0.0
    return max(0.0, one.place.from_m - other.place.to_m, other.place.from_m - one.place.to_m)


def _sights(defect: SeenDefect) -> Iterator[Sight]:
    yield from (one for one in (defect.earlier, defect.later) if one is not None)


def _stretch(one: Sighting) -> Stretch | None:
    told = one.summary
    if told.from_m is not None and told.to_m is not None:
        return Stretch(*sorted((told.from_m, told.to_m)))
    return None if told.distance_m is None else Stretch(told.distance_m, told.distance_m)


def _find_drift(mission: AssetMission, drifts: Sequence[PassDrift]) -> PassDrift | None:
    """Return the drift that most places of a mission tell."""
    own = [
        one
        for one in drifts
        if one.robot == mission.robot
        and any(mission.overlaps((epoch, first), (epoch, last)) for epoch, first, last in one.spans)
    ]
    return max(own, key=lambda one: len(one.common), default=None)


def _say_drift(sides: Sequence[_Side], *, in_space: bool) -> str:
    """Say how well the places of both missions are aligned."""
    if in_space and all(side.mission.from_m is None for side in sides):
        return "Places of the two missions are compared by their positions in space."
    if any(side.mission.from_m is None for side in sides):
        return "Without a distance along the path the places of the two missions cannot be aligned."
    if all(side.drift is not None and side.drift.is_sure for side in sides):
        sigma_m = max(side.drift.sigma_m for side in sides if side.drift is not None)
        common = min(len(side.drift.common) for side in sides if side.drift is not None)
        return (
            f"Distances are aligned by {common} places that missions have in common,"
            f" to about {sigma_m:.2g} m."
        )
    return (
        "Too few places are common to tell how the distances of the two missions differ: they are compared as"
        f" the robots told them, and may be off by {_UNKNOWN_DRIFT:.0%} of the way."
    )


def _align(sides: Sequence[_Side]) -> tuple[tuple[StripCell, ...], tuple[StripCell, ...]] | None:
    """Return both strips in the same stretches of the asset."""
    ends = [
        side.to_asset(end)
        for side in sides
        for end in (side.mission.from_m, side.mission.to_m)
        if end is not None
    ]
    if not ends:
        return None
    frames = min(len(side.surface) for side in sides)
    # With fewer than two frames per cell the strips would show gaps where there are none.
    width_m = choose_width((min(ends), max(ends)), max(1, min(_CELLS, frames // 2)))
    earlier, later = (tuple(side.surface.aligned_cells(width_m, side.to_asset)) for side in sides)
    return earlier, later
