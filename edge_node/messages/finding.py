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
    """The event in a finding's life that a message reports."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


class ClosedBecause(str, Enum):
    """Why a finding was closed."""

    ABSENT = "absent"  # enough judged frames in a row without it
    MOVED_ON = "moved_on"  # the robot is further away than the gap
    LATE = "late"  # nothing was judged for longer than the gap


class BestEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the robot decided on the picture ``best_evidence_sha256``: its caption; peaks may be of others."""

    verdict: str
    confidence: Probability | None = None
    severity: str | None = None
    severity_confidence: Probability | None = None
    area_fraction: Probability | None = None
    area_mm2: NotNegative | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of corrosion of one kind; each message stands alone and replaces the last of its ``id``.

    ``from_pose`` and ``to_pose`` are the poses of the first and the last sighting; with a distance along the
    path, the smallest and the largest. ``peak_area_fraction`` is the largest share of a picture, and
    ``peak_grades`` are those of that verdict; ``peak_area_mm2`` is the largest area on the surface, of the
    verdicts whose scale is known: a robot that comes closer makes the share grow, but not the area. ``seq``
    counts messages, without gaps. ``review`` is the last review that the robot recorded while it was open, to
    whoever did not hear the person a claim of the robot's.

    ``best_verdict`` is the worst one, ``best_evidence_sha256`` the worst picture that was kept. They are of
    the same frame unless a budget or the disk cost its picture; ``best_evidence`` says what that one shows.
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
