"""Define the verdict message and its parts: decision, stages, reasons, pose.

A verdict stands alone: a reader needs no earlier message. No verdict does not mean "no corrosion":
abstaining is an outcome with a reason.
"""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Annotated, Literal

import msgspec

Probability = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Outcome(str, Enum):
    """The condition that was decided for a frame."""

    CORRODED = "corroded"
    UNCORRODED = "uncorroded"
    UNCERTAIN = "uncertain"  # judged, but no stage was confident enough
    NOT_INSPECTABLE = "not_inspectable"  # cannot be judged: dark, blurred, no metal, unreadable


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A reason for which a frame was not decided, or not completely; ``code`` is for machines."""

    code: str
    text: str


class StageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one stage on the path through the cascade; ``label`` is null where it abstained."""

    name: str
    label: str | None
    probabilities: dict[str, Probability]
    decision_threshold: Probability
    abstain_below: Probability


class Grades(msgspec.Struct, frozen=True, kw_only=True):
    """The standard grades nearest to the corroded area; estimates, because the area is one."""

    iso_4628_3: str
    astm_d610: int
    basis: Literal["estimate from a coarse map"] = "estimate from a coarse map"


class Tiles(msgspec.Struct, frozen=True, kw_only=True):
    """The grid of tiles in which a frame was judged; coarser than configured if time is short."""

    across: Annotated[int, msgspec.Meta(ge=1)]
    down: Annotated[int, msgspec.Meta(ge=1)]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one picture, with labels and confidences."""

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
    """The decision on one picture or video frame, as a line of ``edge-node classify``."""

    source: str
    frame_id: int | None = None
    bundle: str | None = None
    inference_ms: float | None = None


class BundleReference(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle whose models decided."""

    name: str
    version: str
    sha256: str


class Pose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The robot's position, in metres along its path or in space."""

    distance_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None


class EpochEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The last verdict of an epoch; ``sha256`` is null where a version without the chain had delivered it."""

    epoch: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    sha256: Sha256 | None


class Verdict(Decision, frozen=True, kw_only=True):
    """The decision on one frame, with place, time and models.

    ``id`` is ``{robot}:{epoch}:{seq}``. ``epoch`` is random and new at every start of the node; ``seq``
    counts its verdicts from 1 and never repeats, so a gap is a loss and a repeated id is a duplicate.

    ``previous_sha256`` is the SHA-256 of the payload with the number before, as it was published; null in the
    first verdict of an epoch, whose ``previous_epoch`` names the end of the epoch before instead: what is
    missing at that end shows too. Both are null where nothing came before. To check the chain, keep payloads
    byte for byte: ``edge-node spool verify``.

    Since the verdict before, ``frames_dropped`` frames gave way to newer ones, and ``frames_unchanged``
    showed nothing new and were not judged.
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
    frames_unchanged: Annotated[int, msgspec.Meta(ge=0)] = 0
    inference_ms: float
    evidence_sha256: str | None = None
    previous_sha256: Sha256 | None = None
    previous_epoch: EpochEnd | None = None


def encode(message: msgspec.Struct) -> bytes:
    """Return a message as compact UTF-8 JSON; msgspec writes NaN and infinity as null."""
    return msgspec.json.encode(message)
