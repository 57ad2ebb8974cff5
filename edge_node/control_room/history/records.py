"""What the history gives back: robots, verdicts, findings, gaps, pictures, reviews. Pure.

A record is a message as the robot sent it with what the control room knows beside: when it came, whether
it waited for the link, what people said of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from edge_node.messages.finding import Finding
    from edge_node.messages.response import Response
    from edge_node.messages.status import Health, Status
    from edge_node.messages.verdict import Verdict


@dataclass(frozen=True, slots=True)
class RobotRecord:
    """One robot as it was last heard of.

    Attributes:
        status: what it (or its will) said last; None before it said anything.
        missing: verdicts that came neither live nor late so far.
        clock_ahead_s: by how much its clock was ahead of ours when the last live verdict came; the way
            of the message makes that a little less than it is.
    """

    site: str
    robot: str
    first_heard_at: datetime
    last_heard_at: datetime
    status: Status | None = None
    health: Health | None = None
    last_verdict_at: datetime | None = None
    verdicts: int = 0
    duplicates: int = 0
    missing: int = 0
    clock_ahead_s: float | None = None


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """One verdict; ``position`` is the order of arrival here.

    Attributes:
        replayed: it had waited for the link.
    """

    position: int
    received_at: datetime
    replayed: bool
    verdict: Verdict


class Opinion(str, Enum):
    """What a person says of a finding."""

    CONFIRMED = "confirmed"
    DISPUTED = "disputed"


class Delivery(str, Enum):
    """What became of a review on its way to the robot's audit."""

    WAITING = "waiting"  # no answer yet
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"  # nobody answered in time


@dataclass(frozen=True, slots=True)
class StoredReview:
    """What a person said of a finding or a verdict; one may have several, the newest counts.

    Attributes:
        review_id: random, unique; also the id of the command to the robot.
        finding_id: of the finding, or of the verdict.
        corrections: what the person says that it is instead, like {"severity": "none"}.
        answer: the robot's words, for people.
    """

    review_id: str
    site: str
    robot: str
    finding_id: str
    opinion: Opinion
    note: str
    reviewer: str
    reviewed_at: datetime
    corrections: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WAITING
    answer: str = ""


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """A finding by its newest message, and the newest review of it."""

    finding: Finding
    received_at: datetime
    review: StoredReview | None = None


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """A robot's answer to a command, whoever gave it."""

    received_at: datetime
    response: Response


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of one robot's epoch that are missing, both ends included; a backlog may bring them yet.

    Attributes:
        noticed_at: when the verdict behind it came.
    """

    site: str
    robot: str
    epoch: str
    first_seq: int
    last_seq: int
    noticed_at: datetime | None

    @property
    def missing(self) -> int:
        """How many."""
        return self.last_seq - self.first_seq + 1


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture of a robot: JPEG.

    Attributes:
        sha256: of the full picture; the name by which messages speak of it.
        is_thumbnail: ``content`` is a smaller picture, whose bytes nothing proves; a full one was checked
            against its hash.
    """

    site: str
    robot: str
    sha256: str
    is_thumbnail: bool
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerdictFilter:
    """Which verdicts; None is any. ``until`` and ``to_m`` are included."""

    site: str | None = None
    robot: str | None = None
    asset: str | None = None
    outcome: str | None = None
    material: str | None = None
    form: str | None = None
    severity: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    from_m: float | None = None
    to_m: float | None = None
    replayed: bool | None = None
    with_picture: bool = False


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings; None is any. ``since`` and ``until`` hold against when it was last seen."""

    site: str | None = None
    robot: str | None = None
    asset: str | None = None
    material: str | None = None
    severity: str | None = None
    is_open: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class StripCell:
    """Verdicts on one stretch of a strip chart, added up.

    Attributes:
        start: where the stretch begins: metres, or seconds since 1970 where there is no pose.
        end: where it ends.
        judged: corroded and uncorroded ones.
        not_judged: uncertain and not inspectable ones.
        corroded: how many.
        by_severity: how many corroded ones of each severity; "" for none given.
        peak_area_fraction: the largest.
    """

    start: float
    end: float
    judged: int
    not_judged: int
    corroded: int
    by_severity: Mapping[str, int]
    peak_area_fraction: float | None


@dataclass(frozen=True, slots=True)
class Refusals:
    """Messages that could not be read, by what was wrong."""

    reason: str
    count: int
    last_at: datetime
    last_topic: str
    last_text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """How large the history is."""

    verdicts: int
    findings: int
    pictures: int
    database_bytes: int
    picture_bytes: int
    oldest_received_at: datetime | None
