"""Collect the reviews of findings and verdicts, what this room heard apart from what robots say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.control_room.history.records import HEARD, Delivery, ReviewOrigin
from edge_node.messages.review import Condition

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import StoredReview
    from edge_node.messages.review import ReviewJudgement

_ALL = 100_000


@dataclass(frozen=True, slots=True)
class CollectedReview:
    """One review; a label is None where the person gave none.

    Attributes:
        command_id: of the command that carried it to the robot.
        subject: id of the finding or verdict.
        is_recorded: the robot says that it has it in its audit log.
        evidence_sha256: the picture that the person saw; None if that is not known.
        origin: how the reviewer's name is known, as in ``ReviewOrigin``.
    """

    command_id: str
    site: str
    robot: str
    subject: str
    judgement: ReviewJudgement
    by: str
    at: datetime
    note: str = ""
    outcome: Condition | None = None
    material: str | None = None
    form: str | None = None
    severity: str | None = None
    evidence_sha256: str | None = None
    is_recorded: bool = False
    origin: str = ReviewOrigin.UNKNOWN.value

    @property
    def is_heard(self) -> bool:
        """Whether a person told this room, rather than a robot for a person."""
        return self.origin in HEARD

    @property
    def who(self) -> str:
        """Who says so, in words: the reviewer, or a robot of the reviewer."""
        return {
            ReviewOrigin.TYPED.value: f"{self.by} (name typed by hand)",
            ReviewOrigin.SIGNED.value: f"{self.by} (signed with a trusted key)",
            ReviewOrigin.ROBOT.value: f"{self.by}, as {self.robot} says",
            ReviewOrigin.UNKNOWN.value: f"{self.by} (not known whether this room heard it)",
        }.get(self.origin, self.by)


@dataclass(frozen=True, slots=True)
class SubjectReviews:
    """What is said of one finding or verdict.

    Attributes:
        review: the newest that this room heard, or one of unknown origin.
        claim: the newest that the robot says a person gave.
    """

    review: CollectedReview | None = None
    claim: CollectedReview | None = None


def collect_newest_reviews(history: History) -> list[CollectedReview]:
    """Return the review of each finding and verdict that counts, else what a robot says; newest first."""
    found = collect_reviews(history).values()
    chosen = [one.review or one.claim for one in found]
    return sorted((one for one in chosen if one is not None), key=lambda one: one.at, reverse=True)


def collect_reviews(history: History) -> dict[tuple[str, str], SubjectReviews]:
    """Return what is said of each finding and verdict, by site and id."""
    by_subject: dict[tuple[str, str], list[CollectedReview]] = {}
    for stored in history.reviews(limit=_ALL):  # newest first
        if stored.withdrawn is not None:
            continue
        review = _convert(stored)
        by_subject.setdefault((review.site, review.subject), []).append(review)
    return {subject: _choose(reviews) for subject, reviews in by_subject.items()}


def _choose(reviews: Iterable[CollectedReview]) -> SubjectReviews:
    """Choose among the reviews of one subject, which are ordered from the newest to the oldest."""
    heard = unknown = claim = None
    for review in reviews:
        if review.is_heard:
            heard = heard or review
        elif review.origin == ReviewOrigin.ROBOT.value:
            claim = claim or review
        else:
            unknown = unknown or review
    return SubjectReviews(heard or unknown, claim)


def _convert(review: StoredReview) -> CollectedReview:
    labels = dict(review.corrections)
    outcome = labels.get("outcome")
    known = {condition.value: condition for condition in Condition}
    return CollectedReview(
        command_id=review.review_id,
        site=review.site,
        robot=review.robot,
        subject=review.finding_id,
        judgement=review.opinion,
        by=review.reviewer,
        at=review.reviewed_at,
        note=review.note,
        outcome=known.get(outcome) if outcome else None,
        material=labels.get("material"),
        form=labels.get("form"),
        severity=labels.get("severity"),
        evidence_sha256=review.evidence_sha256 or None,
        is_recorded=review.delivery is Delivery.DONE,
        origin=review.origin,
    )
