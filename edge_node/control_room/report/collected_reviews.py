"""Collect reviews from both sources: made in this control room, and recorded by robots from other clients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.messages.review import REVIEW_VERB, Condition, ReviewJudgement, parse_review

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import StoredReview

_ALL = 100_000


@dataclass(frozen=True, slots=True)
class CollectedReview:
    """One review; a label is None where the person gave none.

    Attributes:
        command_id: of the command that carried it to the robot.
        subject: id of the finding or verdict.
        is_recorded: the robot has it in its audit log.
        evidence_sha256: the picture that the person saw; None if the robot has not recorded the review.
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


def collect_newest_reviews(history: History) -> list[CollectedReview]:
    """Return the newest review of each finding and verdict, newest first."""
    by_command: dict[str, CollectedReview] = {}
    for review in _read_stored(history):
        by_command[review.command_id] = review
    # Both sources may hold one review; the robot's record replaces the one from here, but not its date: which
    # is the newest must not depend on the robot's clock.
    for review in _read_recorded(history):
        known = by_command.get(review.command_id)
        by_command[review.command_id] = replace(review, at=known.at) if known is not None else review
    newest: dict[tuple[str, str], CollectedReview] = {}
    for review in sorted(by_command.values(), key=lambda review: review.at, reverse=True):
        newest.setdefault((review.site, review.subject), review)
    return list(newest.values())


def _read_stored(history: History) -> Iterator[CollectedReview]:
    for review in history.reviews(limit=_ALL):
        yield _convert_stored(review)


def _read_recorded(history: History) -> Iterator[CollectedReview]:
    for record in history.responses(limit=_ALL):
        response = record.response
        found = parse_review(response) if response.verb == REVIEW_VERB else None
        if found is not None:
            yield CollectedReview(
                command_id=response.command_id or response.id,
                site=response.site,
                robot=response.robot,
                subject=found.subject,
                judgement=found.judgement,
                by=found.by,
                at=found.at if found.at.tzinfo else found.at.replace(tzinfo=timezone.utc),
                note=found.note or "",
                outcome=found.outcome,
                material=found.material,
                form=found.form,
                severity=found.severity,
                evidence_sha256=found.evidence_sha256,
                is_recorded=True,
            )


def _convert_stored(review: StoredReview) -> CollectedReview:
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
    )
