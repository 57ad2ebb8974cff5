"""Define the records that queries of the history return: robots, verdicts, findings, gaps, pictures, reviews.

A record is a message as the robot sent it with what the control room adds: when it arrived, whether it was
delayed by a lost link, how people reviewed it. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from edge_node.messages.finding import Finding
    from edge_node.messages.response import Response
    from edge_node.messages.review import ReviewJudgement
    from edge_node.messages.shadow import Disagreement
    from edge_node.messages.status import Health, Status
    from edge_node.messages.verdict import Verdict


@dataclass(frozen=True, slots=True)
class RobotRecord:
    """One robot's last status and health, and counts of its verdicts.

    Attributes:
        status: the last one from it or its MQTT will; None before the first.
        missing: verdicts that have not arrived so far, live or late.
        conflicts: verdicts that came with an id that another verdict had; the newest are kept.
        clock_ahead_s: robot's clock minus ours when the last live verdict arrived; too small by the
            transmission time.
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
    conflicts: int = 0
    clock_ahead_s: float | None = None


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """One verdict; ``position`` is its order of arrival in this control room.

    Attributes:
        replayed: it waited in the robot's spool while the link was down.
    """

    position: int
    received_at: datetime
    replayed: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class QueuedPicture:
    """A picture that a person may review, with its verdict.

    Attributes:
        sha256: of the picture: the verdict's own, or the one that the shadow kept.
        reasons: why it was kept, what teaches most first; none if the robot does not tell.
        disagreement: the shadow's, if it disagreed.
    """

    record: VerdictRecord
    sha256: str
    reasons: tuple[str, ...]
    disagreement: Disagreement | None = None


class Delivery(str, Enum):
    """Whether a review has reached the robot's audit log."""

    WAITING = "waiting"  # no response yet
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"  # no response in time


class ReviewOrigin(str, Enum):
    """How a reviewer's name is known."""

    LOGIN = "login"  # of a user or program that logged in here
    TYPED = "typed"  # by hand, where no login says it
    SIGNED = "signed"  # by a key that this room trusts; a robot passed it on
    ROBOT = "robot"  # only a robot says that a person said so
    UNKNOWN = ""  # stored by a version that did not keep it


# From a person, not from a robot that speaks of one.
HEARD = frozenset(one.value for one in (ReviewOrigin.LOGIN, ReviewOrigin.TYPED, ReviewOrigin.SIGNED))


@dataclass(frozen=True, slots=True)
class StoredWithdrawal:
    """What takes a review back; both stay stored.

    Attributes:
        review_id: of the review that counts no more.
        withdrawal_id: random, unique; also the id of the command to the robot.
        origin: how the name of who withdrew it is known, as in ``ReviewOrigin``.
    """

    review_id: str
    withdrawal_id: str
    reviewer: str
    withdrawn_at: datetime
    note: str = ""
    delivery: Delivery = Delivery.WAITING
    answer: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class StoredReview:
    """A review of a finding or a verdict: what this room heard from a person, or what a robot says.

    Of several that this room heard the newest counts; what a robot says never replaces one of these.

    Attributes:
        review_id: random, unique; also the id of the command to the robot.
        finding_id: of the finding, or of the verdict.
        opinion: confirmed or disputed; named so in the table and in the JSON API.
        corrections: the labels that are right, like {"severity": "none"}.
        answer: text of the robot's response.
        origin: how the reviewer's name is known, as in ``ReviewOrigin``.
        evidence_sha256: the picture that the person saw; "" if that is not known.
        withdrawn: what took it back: then it counts no more.
    """

    review_id: str
    site: str
    robot: str
    finding_id: str
    opinion: ReviewJudgement
    note: str
    reviewer: str
    reviewed_at: datetime
    corrections: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WAITING
    answer: str = ""
    origin: str = ""
    evidence_sha256: str = ""
    withdrawn: StoredWithdrawal | None = None

    @property
    def counts(self) -> bool:
        """Whether it may label anything: nobody took it back, and it is not only a robot that says so."""
        return self.withdrawn is None and self.origin != ReviewOrigin.ROBOT.value


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """A finding's newest message and its newest review.

    Attributes:
        review: the newest that people told this room, or one of unknown origin.
        claim: what a robot says that a person said, if there is no review.
    """

    finding: Finding
    received_at: datetime
    review: StoredReview | None = None
    claim: StoredReview | None = None


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """A robot's response to a command, from this control room or another sender."""

    received_at: datetime
    response: Response


@dataclass(frozen=True, slots=True)
class Gap:
    """A range of missing numbers in one robot's epoch, both ends included; a backlog may still close it.

    Attributes:
        noticed_at: when the verdict after the gap arrived, or the one that named the epoch's end.
        next_epoch: the one that follows this epoch, if its first verdict arrived.
    """

    site: str
    robot: str
    epoch: str
    first_seq: int
    last_seq: int
    noticed_at: datetime | None
    next_epoch: str | None = None

    @property
    def missing(self) -> int:
        """The count of missing verdicts."""
        return self.last_seq - self.first_seq + 1


@dataclass(frozen=True, slots=True)
class Misdated:
    """Verdicts that arrived in a span of time and are dated outside it: a clock was wrong."""

    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Conflict:
    """A verdict whose id another one had: a second robot of that name, or a forged message.

    Attributes:
        received_at: when it came first.
        count: how often it came.
        payload: as it came.
    """

    site: str
    robot: str
    epoch: str
    seq: int
    received_at: datetime
    count: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RetiredRobot:
    """A robot whose retained status was cleared: it is gone for good, unless it is heard again."""

    site: str
    robot: str


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A robot's evidence picture: JPEG.

    Attributes:
        sha256: of the full picture; messages refer to the picture by it.
        is_thumbnail: ``content`` is a smaller picture that no hash verifies; a full one was checked
            against ``sha256``.
    """

    site: str
    robot: str
    sha256: str
    is_thumbnail: bool
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerdictFilter:
    """Conditions on verdicts; None matches any. ``until`` and ``to_m`` are inclusive."""

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
    without_asset: bool = False


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Conditions on findings; None matches any. ``since`` and ``until`` bound the last observation."""

    site: str | None = None
    robot: str | None = None
    asset: str | None = None
    material: str | None = None
    severity: str | None = None
    is_open: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Conditions on pictures to review; None matches any.

    Attributes:
        reason: for which they were kept; "" for those of which no reason is told.
        reviewed: those that were reviewed too.
        missing: those that have not come too; they can be asked for.
        worst_first: words of severity in rising order, to order by it; None orders by what teaches most.
    """

    site: str | None = None
    robot: str | None = None
    reason: str | None = None
    reviewed: bool = False
    missing: bool = False
    worst_first: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """The count of unreadable messages with one reason, and the newest of them."""

    reason: str
    count: int
    last_at: datetime
    last_topic: str
    last_text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts and sizes of the history."""

    verdicts: int
    findings: int
    pictures: int
    database_bytes: int
    picture_bytes: int
    oldest_received_at: datetime | None
    open_findings: int


class Share(NamedTuple):
    """What a robot takes of the bound on messages.

    Attributes:
        bytes: with what its rows take in indexes and pages, a sixth above what they need.
        bound_bytes: what it keeps whatever other robots send; it may use more while they use less.
    """

    site: str
    robot: str
    bytes: int
    bound_bytes: int


class QuarantinedRobot(NamedTuple):
    """A robot of which a person decides, or has decided, whether its messages are stored.

    Attributes:
        messages: that came while they were not.
        state: waiting, admitted or refused.
    """

    site: str
    robot: str
    first_heard_at: datetime
    last_heard_at: datetime
    messages: int
    state: str
    decided_at: datetime | None
    decided_by: str
