"""Define what is known of defects: sightings, placements, drifts, deeds of people. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from edge_node.control_room.history.defects.growth import Growth


SEVERITIES = ("none", "mid", "late")  # from the least to the worst, as the default models name them


class DefectError(CorrosionError):
    """What a person asks of a defect cannot be done; the text says why."""


class DefectState(str, Enum):
    """What becomes of a defect: computed from its sightings, or set by a person."""

    NEW = "new"  # seen in one pass
    KNOWN = "known"  # seen in several; no trend can be told
    GROWING = "growing"
    STABLE = "stable"
    REPAIRED = "repaired"  # only a person says so
    NOT_A_DEFECT = "not_a_defect"  # only a person says so
    UNSURE = "unsure"  # computed only: it is not known whether it is a known one


class Measure(msgspec.Struct, frozen=True):
    """A value that several verdicts of one pass gave: mean, standard deviation, count."""

    mean: float
    sd: float
    count: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What one finding says of a place, kept when its messages, verdicts and pictures are deleted.

    Attributes:
        epoch: of the first verdict, with its number; the last verdict may be of another epoch.
        at: when it was seen, by the clock that is most likely right.
        distance_m: of its middle, by the robot's own distance.
        measures: of its verdicts, by what was measured: area_mm2, area_fraction.
        severities: how many of these verdicts say which severity, in the models' words.
        mm_per_px: the median of the verdicts; None where the scale is not known.
        range_mm: from camera to surface, the median; None where it is not known.
    """

    epoch: str
    first_seq: int
    last_epoch: str
    last_seq: int
    at: datetime
    first_at: datetime
    last_at: datetime
    is_open: bool
    frames: int
    distance_m: float | None = None
    from_m: float | None = None
    to_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None
    sigma_m: float | None = None
    material: str | None = None
    form: str | None = None
    severity: str | None = None
    confidence: float | None = None
    area_fraction: float | None = None
    area_mm2: float | None = None
    picture: str | None = None
    measures: dict[str, Measure] = {}
    severities: dict[str, int] = {}
    mm_per_px: float | None = None
    range_mm: float | None = None
    source: str = ""

    @property
    def in_space(self) -> tuple[float, float, float] | None:
        """The position in space; what is not known of it is 0."""
        if self.x_m is None and self.y_m is None and self.z_m is None:
            return None
        return self.x_m or 0.0, self.y_m or 0.0, self.z_m or 0.0

    @property
    def has_place(self) -> bool:
        """Whether it is known where it was seen."""
        return self.distance_m is not None or self.in_space is not None


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sighting is on the asset, the drift of its pass taken out.

    Attributes:
        pass_id: of the robot's pass: ROBOT:EPOCH:NUMBER of its first sighting.
        asset_m: by the asset's distance; None in space.
        probability: that it is the place that it was taken for.
        is_sure: false where it may be another place as well; then ``candidates`` has anchors.
    """

    pass_id: str
    asset_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None
    probability: float = 1.0
    is_sure: bool = True
    candidates: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one finding says of a place, and the defect that it belongs to.

    Attributes:
        anchor: the place on the asset, named by its first sighting.
        is_pinned: a person decided to which defect it belongs.
    """

    key: int
    site: str
    robot: str
    finding_id: str
    asset: str | None
    anchor: int | None
    defect: int | None
    is_pinned: bool
    is_changed: bool
    received_at: datetime
    summary: Summary
    placed: Placement | None = None


@dataclass(frozen=True, slots=True)
class DefectFilter:
    """Conditions on defects; None matches any."""

    site: str | None = None
    asset: str | None = None
    state: DefectState | None = None
    assignee: str | None = None
    muted: bool | None = None


@dataclass(frozen=True, slots=True)
class DefectDeed:
    """Who set what of a defect when."""

    at: datetime
    by: str
    action: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestSighting:
    """The newest finding of a defect, and its picture."""

    site: str
    robot: str
    finding_id: str
    picture: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """The findings of all passes at one place of one asset.

    Attributes:
        state: what counts: a person's word, else the computed one.
        seen_since_set: findings that came after a person set the state: a repaired place corrodes again?
        is_unsure: it may be one of ``candidates``, defects with the probability of each.
        distance_m: on the asset; drifts are taken out.
        sigma_m: how far the passes differ there.
        passes: in how many passes it was seen.
    """

    key: int
    label: str
    site: str
    asset: str | None
    name: str
    state: DefectState
    computed_state: DefectState
    set_state: DefectState | None
    set_by: str
    set_at: datetime | None
    seen_since_set: int
    is_unsure: bool
    candidates: tuple[tuple[int, float], ...]
    distance_m: float | None
    x_m: float | None
    y_m: float | None
    z_m: float | None
    sigma_m: float | None
    material: str | None
    form: str | None
    severity: str | None
    area_fraction: float | None
    area_mm2: float | None
    confidence: float | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    sightings: int
    passes: int
    newest: NewestSighting | None
    growth: Growth
    assignee: str
    muted_until: datetime | None
    notes: int
    changed_at: datetime
