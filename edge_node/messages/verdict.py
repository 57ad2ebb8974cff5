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
    """The condition that was decided for a frame.

    Attributes:
        CORRODED: the surface is corroded.
        UNCORRODED: the surface is not corroded.
        UNCERTAIN: judged, but no stage was confident enough.
        NOT_INSPECTABLE: cannot be judged: dark, blurred, frozen, without colour, no metal, unreadable.
    """

    CORRODED = "corroded"
    UNCORRODED = "uncorroded"
    UNCERTAIN = "uncertain"
    NOT_INSPECTABLE = "not_inspectable"


class EvidenceReason(str, Enum):
    """Why a picture was kept, in the order of how much a person's review of it teaches the next model.

    First what a model is known to get wrong or not to know. Then the pictures that a finding is judged by.
    Then what is kept by outcome and at regular intervals.

    Attributes:
        SHADOW: the shadow's decision differs.
        UNCERTAIN: no stage was confident enough.
        LOW_MARGIN: little was missing for another label.
        FINDING_WORSE: worse than the picture of its finding so far.
        FINDING_FIRST: its finding, or what may become one, has no picture yet.
        CORRODED: the outcome is corroded.
        SNAPSHOT: a person asked for it.
        SAMPLE: one of many, at regular intervals.
    """

    SHADOW = "shadow"
    UNCERTAIN = "uncertain"
    LOW_MARGIN = "low_margin"
    FINDING_WORSE = "finding_worse"
    FINDING_FIRST = "finding_first"
    CORRODED = "corroded"
    SNAPSHOT = "snapshot"
    SAMPLE = "sample"


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A reason for which a frame was not decided, or not completely.

    Attributes:
        code: stable, for programs.
        text: the reason in words.
    """

    code: str
    text: str


class StageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one stage on the path through the cascade.

    Attributes:
        name: name of the stage.
        label: the label that was chosen; null where the stage abstained.
        probabilities: probability of each label.
        decision_threshold: with two labels, the probability from which the first one is chosen.
        abstain_below: the stage chooses no label if its best probability is below this.
    """

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
    """The standard grades nearest to the corroded area; estimates, because the area is one.

    Attributes:
        iso_4628_3: rust grade of ISO 4628-3, such as Ri 3.
        astm_d610: rust grade of ASTM D610, from 0 (worst) to 10.
        basis: what the grades are derived from.
    """

    iso_4628_3: str
    astm_d610: int
    basis: Literal["estimate from a coarse map"] = "estimate from a coarse map"


class Tiles(msgspec.Struct, frozen=True, kw_only=True):
    """The grid of tiles in which a frame was judged; coarser than configured if time is short.

    Attributes:
        across: tiles in a row.
        down: rows of tiles.
    """

    across: Annotated[int, msgspec.Meta(ge=1)]
    down: Annotated[int, msgspec.Meta(ge=1)]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one picture, with labels and confidences.

    Attributes:
        outcome: the condition of the surface, or that it could not be decided.
        material: material of the surface; null where no stage decided it.
        material_confidence: probability of the material.
        condition_confidence: probability of the outcome, of the stage that decided it.
        form: form of the corrosion, such as pitting; null where no stage tells it.
        form_confidence: probability of the form.
        severity: severity of the corrosion, such as mid; null where no stage tells it.
        severity_confidence: probability of the severity.
        stages: the stages on the path through the cascade, in their order.
        area_fraction: share of the picture that is corroded, estimated from a coarse map; null where the map
            shows nothing.
        area_mm2: corroded area on the surface, estimated as if the surface was seen head-on; null where
            ``area_fraction`` or the scale is not known.
        mm_per_px: scale: millimetres of surface in a pixel of what was judged; null where it is not known.
        grades: standard grades; null unless the configuration says that the surface is painted steel.
        tiles: the grid of tiles; null where the frame was judged in one piece.
        reasons: why the outcome is uncertain or not_inspectable; empty otherwise.
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
    """The decision on one picture or video frame, as a line of ``edge-node classify``.

    Attributes:
        source: file that was read.
        frame_id: number of the frame in a video.
        bundle: name and version of the bundle that decided.
        inference_ms: time that the models took.
    """

    source: str
    frame_id: int | None = None
    bundle: str | None = None
    inference_ms: float | None = None


class BundleReference(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle whose models decided.

    Attributes:
        name: name of the bundle.
        version: version of the bundle.
        sha256: SHA-256 of the bundle's manifest, which names the hashes of its other files.
    """

    name: str
    version: str
    sha256: str


class Pose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The robot's position, in metres along its path or in space, and the distance to the surface.

    A field is absent where it is not known; a pose with a range alone says nothing of the place.

    Attributes:
        distance_m: distance along the path.
        x_m: coordinate in space.
        y_m: coordinate in space.
        z_m: coordinate in space.
        sigma_m: standard deviation of the position.
        range_mm: distance from the camera to the surface.
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
    """The last verdict of an epoch.

    Attributes:
        epoch: the epoch that ended.
        seq: number of its last verdict.
        sha256: SHA-256 of that verdict's payload; null where a version without the chain had delivered it.
    """

    epoch: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    sha256: Sha256 | None


class Verdict(Decision, frozen=True, kw_only=True):
    """The decision on one frame, with place, time and models.

    Attributes:
        schema: name and version of the message format.
        id: ``{robot}:{epoch}:{seq}``. A repeated id is a duplicate.
        seq: counts the verdicts of an epoch from 1 and never repeats; a gap is a loss. The epoch is random
            and new at every start of the node.
        site: where the robot works.
        robot: name of the robot, unique in its site.
        asset: what is inspected, as the configuration names it.
        pose: where the robot was when the frame was captured; null where it is not known.
        pose_age_ms: time between the frame and the nearest measured pose.
        observed_at: when the frame was captured, by the robot's clock.
        monotonic_ns: the same moment by the monotonic clock of this boot.
        boot_id: id of the computer's boot; monotonic times compare within one boot.
        time_quality: whether a time server had set the robot's clock.
        bundle: the bundle whose models decided.
        config_sha256: SHA-256 of the configuration in force.
        source: where the frame comes from; passwords and most of an address are left out.
        frame_id: counts the camera's frames from 0 since the node started.
        frame_age_ms: time from the capture to the decision.
        frames_dropped: number of frames since the verdict before that gave way to newer ones.
        frames_unchanged: number of frames since the verdict before that showed nothing new and were not
            judged.
        inference_ms: time that the models took.
        evidence_sha256: SHA-256 of the picture that was kept; null where none was.
        evidence_reasons: why the picture was kept; later versions may send others than are known now.
        previous_sha256: SHA-256 of the payload with the number before, as it was published; null in the first
            verdict of an epoch. To check the chain, keep payloads byte for byte: ``edge-node spool verify``.
        previous_epoch: in the first verdict of an epoch, the end of the epoch before, so that a loss at that
            end shows too; null otherwise, and where nothing came before.
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
