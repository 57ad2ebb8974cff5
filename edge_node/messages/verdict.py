"""The words that the control room reads: decision, stages, reasons, verdict. JSON in and out.

A verdict stands alone: a reader needs no earlier message. No verdict is not "no corrosion": abstaining is
an outcome with a reason.
"""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Annotated, Literal

import msgspec

Probability = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Outcome(str, Enum):
    """What a frame was decided to show."""

    CORRODED = "corroded"
    UNCORRODED = "uncorroded"
    UNCERTAIN = "uncertain"  # looked at, but no stage was sure enough
    NOT_INSPECTABLE = "not_inspectable"  # could not be looked at: dark, blurred, no metal, unreadable


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a frame was not decided, or not wholly."""

    code: str
    text: str


class StageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the path taken; ``label`` is null where the stage abstained."""

    name: str
    label: str | None
    probabilities: dict[str, Probability]
    decision_threshold: Probability
    abstain_below: Probability


class Grades(msgspec.Struct, frozen=True, kw_only=True):
    """The standard grades nearest to the corroded area: estimates, for the area is one."""

    iso_4628_3: str
    astm_d610: int
    basis: Literal["estimate from a coarse map"] = "estimate from a coarse map"


class Tiles(msgspec.Struct, frozen=True, kw_only=True):
    """In how many pieces a frame was judged: fewer than configured where the time budget allows no more."""

    across: Annotated[int, msgspec.Meta(ge=1)]
    down: Annotated[int, msgspec.Meta(ge=1)]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the models say of one picture, whoever asked."""

    outcome: Outcome
    material: str | None = None
    material_confidence: Probability | None = None
    condition_confidence: Probability | None = None
    form: str | None = None
    form_confidence: Probability | None = None
    severity: str | None = None
    severity_confidence: Probability | None = None
    stages: tuple[StageVerdict, ...] = ()
    area_fraction: Probability | None = None
    grades: Grades | None = None
    tiles: Tiles | None = None
    reasons: tuple[Reason, ...] = ()


class PictureVerdict(Decision, frozen=True, kw_only=True):
    """One line of ``edge-node classify``."""

    source: str
    frame_id: int | None = None
    bundle: str | None = None
    inference_ms: float | None = None


class BundleReference(msgspec.Struct, frozen=True, kw_only=True):
    """Which models decided."""

    name: str
    version: str
    sha256: str


class Pose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the robot was: metres along its path, or in space."""

    distance_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None


class Verdict(Decision, frozen=True, kw_only=True):
    """One decided frame: the record that is never lost.

    ``id`` is ``{robot}:{epoch}:{seq}``: ``epoch`` is made with the spool, ``seq`` counts verdicts from 1
    and never repeats in it, so a gap is a loss and a repeated id is a duplicate.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    id: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    site: str
    robot: str
    asset: str | None = None
    pose: Pose | None = None
    pose_age_ms: float | None = None
    observed_at: datetime
    monotonic_ns: int
    boot_id: str
    time_quality: Literal["synchronized", "not_synchronized", "unknown"]
    bundle: BundleReference
    config_sha256: str
    source: str
    frame_id: int
    frame_age_ms: float
    frames_dropped: Annotated[int, msgspec.Meta(ge=0)]
    inference_ms: float
    evidence_sha256: str | None = None


def encode(message: msgspec.Struct) -> bytes:
    """Return a message as compact UTF-8 JSON; NaN and infinity cannot occur in it."""
    return msgspec.json.encode(message)
