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
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Outcome(str, Enum):
    """The condition that was decided for a frame."""

    CORRODED = "corroded"
    UNCORRODED = "uncorroded"
    UNCERTAIN = "uncertain"  # judged, but no stage was confident enough
    NOT_INSPECTABLE = "not_inspectable"  # cannot be judged: dark, blurred, no metal, unreadable


class EvidenceReason(str, Enum):
    """Why a picture was kept, in the order of how much a person's review of it teaches the next model.

    First what a model is known to get wrong or not to know: the two bundles contradict each other, no stage
    was sure, a label was decided by a hair. Then the pictures that a finding is judged by, then what is kept
    by outcome and at regular intervals.
    """

    SHADOW = "shadow"  # the shadow's decision differs
    UNCERTAIN = "uncertain"
    LOW_MARGIN = "low_margin"  # little was missing for another label
    FINDING_WORSE = "finding_worse"  # worse than the picture of its finding so far
    FINDING_FIRST = "finding_first"  # its finding, or what may become one, has no picture yet
    CORRODED = "corroded"
    SNAPSHOT = "snapshot"  # a person asked for it
    SAMPLE = "sample"


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

    @property
    def margin(self) -> float:
        """How much a probability would have to change for another label, or for none, from 0 to 1.

        Of two labels that is the distance from the decision threshold, of more half of what is between the
        first and the second; or the distance from where the stage begins to abstain.
        """
        shares = list(self.probabilities.values())
        if len(shares) == 2:
            margin = abs(shares[0] - self.decision_threshold)
            chosen = shares[0] if shares[0] >= self.decision_threshold else shares[1]
        else:
            second, chosen = sorted([0.0, 0.0, *shares])[-2:]
            margin = (chosen - second) / 2
        if self.label is None:  # another label would be as unsure
            return abs(self.abstain_below - chosen)
        return min(margin, abs(chosen - self.abstain_below)) if self.abstain_below > 0 else margin


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
    """The outcome of one picture, with labels and confidences.

    ``area_mm2`` is the corroded area on the surface, estimated as if it were seen head-on; null where
    ``area_fraction`` is, or where the scale is not known: ``mm_per_px``, millimetres for each pixel of what
    was judged.
    """

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
    area_mm2: NotNegative | None = None
    mm_per_px: Positive | None = None
    grades: Grades | None = None
    tiles: Tiles | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def margin(self) -> float | None:
        """The smallest margin of a stage on the path; None without a stage."""
        return min((stage.margin for stage in self.stages), default=None)


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
    """The robot's position, in metres along its path or in space, and how far the surface is.

    ``sigma_m`` is the standard deviation of the position; ``range_mm`` the distance from the camera to the
    surface. Both are absent where they are not known; a pose with a range alone says nothing of the place.
    """

    distance_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None
    sigma_m: float | None = None
    range_mm: float | None = None

    @property
    def has_place(self) -> bool:
        """Whether it has a coordinate."""
        return any(value is not None for value in (self.distance_m, self.x_m, self.y_m, self.z_m))


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

    ``evidence_reasons`` say why the picture was kept (``EvidenceReason``; later versions may send others).

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
    evidence_reasons: tuple[str, ...] = ()
    previous_sha256: Sha256 | None = None
    previous_epoch: EpochEnd | None = None


def encode(message: msgspec.Struct) -> bytes:
    """Return a message as compact UTF-8 JSON; msgspec writes NaN and infinity as null."""
    return msgspec.json.encode(message)
