"""Define the finding message: corrosion that persisted over several verdicts."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Literal

import msgspec

from edge_node.messages.identifiers import Count
from edge_node.messages.review import Review  # msgspec resolves annotations at run time
from edge_node.messages.verdict import Grades, NotNegative, Pose, Probability


class FindingState(str, Enum):
    """The event in a finding's life that a message reports.

    Attributes:
        OPENED: enough frames were corroded.
        UPDATED: it goes on; published at intervals, and when something of it changed.
        CLOSED: it is over.
    """

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


class ClosedBecause(str, Enum):
    """Why a finding was closed.

    Attributes:
        ABSENT: enough judged frames in a row were without it.
        MOVED_ON: the robot is further away than the configured gap.
        LATE: nothing was judged for longer than the configured gap.
    """

    ABSENT = "absent"
    MOVED_ON = "moved_on"
    LATE = "late"


class BestEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the robot decided on the picture ``best_evidence_sha256``; peaks may be of other pictures.

    Attributes:
        verdict: id of the verdict on that picture.
        confidence: probability that it is corroded.
        severity: severity of the corrosion there.
        severity_confidence: probability of the severity.
        area_fraction: share of the picture that is corroded, estimated.
        area_mm2: corroded area on the surface, estimated.
    """

    verdict: str
    confidence: Probability | None = None
    severity: str | None = None
    severity_confidence: Probability | None = None
    area_fraction: Probability | None = None
    area_mm2: NotNegative | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of corrosion of one kind; each message stands alone and replaces the last of its ``id``.

    Attributes:
        schema: name and version of the message format.
        id: ``{robot}:{epoch}:f{number of its first verdict}``, the same in all messages of a finding.
        seq: counts the robot's messages of findings, without gaps.
        state: whether it was opened, updated or closed.
        closed_because: why it was closed; null while it is open.
        site: where the robot works.
        robot: name of the robot.
        asset: what is inspected.
        material: material of the surface.
        form: form of the corrosion; null where no stage tells it.
        first_observed_at: when its first frame was captured.
        last_observed_at: when its last frame was captured.
        first_verdict: id of its first verdict.
        last_verdict: id of its last verdict.
        best_verdict: id of its worst verdict.
        frames: number of corroded frames that belong to it.
        peak_confidence: the largest confidence of its verdicts.
        peak_severity: the worst severity of its verdicts.
        peak_area_fraction: the largest share of a picture; it grows also when the robot comes closer.
        peak_area_mm2: the largest area on the surface, of the verdicts whose scale is known.
        peak_grades: grades of the verdict with the largest share of a picture.
        from_pose: pose of the first sighting; with a distance along the path, the smallest one.
        to_pose: pose of the last sighting; with a distance along the path, the largest one.
        best_evidence_sha256: SHA-256 of the worst picture that was kept. It is of the same frame as
            ``best_verdict`` unless a budget or the disk cost that picture.
        best_evidence: what the robot decided on that picture.
        review: the last review that the robot recorded while the finding was open. It is the robot's word,
            not the person's.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    id: str
    seq: Count = 0
    state: FindingState
    closed_because: ClosedBecause | None = None
    site: str
    robot: str
    asset: str | None = None
    material: str | None = None
    form: str | None = None
    first_observed_at: datetime
    last_observed_at: datetime
    first_verdict: str
    last_verdict: str
    best_verdict: str
    frames: Count
    peak_confidence: Probability
    peak_severity: str | None = None
    peak_area_fraction: Probability | None = None
    peak_area_mm2: NotNegative | None = None
    peak_grades: Grades | None = None
    from_pose: Pose | None = None
    to_pose: Pose | None = None
    best_evidence_sha256: str | None = None
    best_evidence: BestEvidence | None = None
    review: Review | None = None
