"""All that people said, wherever they said it: in this control room, or on a terminal to the robot itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.messages.review import REVIEW_VERB, Condition, ReviewJudgement, parse_review

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import StoredReview

_ALL = 100_000


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One review; labels are None where the person named none.

    Attributes:
        command_id: under which it went to the robot.
        subject: id of the finding or verdict.
        is_recorded: the robot has it in its audit.
        evidence_sha256: the picture that was looked at, as far as the robot said.
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


def newest_reviews(history: History) -> list[Reviewed]:
    """Return the newest review of each finding and verdict, newest first."""
    by_command: dict[str, Reviewed] = {}
    for reviewed in (*_said_here(history), *_said_by_robots(history)):  # what a robot recorded counts
        by_command[reviewed.command_id] = reviewed
    newest: dict[tuple[str, str], Reviewed] = {}
    for reviewed in sorted(by_command.values(), key=lambda found: found.at, reverse=True):
        newest.setdefault((reviewed.site, reviewed.subject), reviewed)
    return list(newest.values())


def _said_here(history: History) -> Iterator[Reviewed]:
    for review in history.reviews(limit=_ALL):
        yield _of_record(review)


def _said_by_robots(history: History) -> Iterator[Reviewed]:
    for record in history.responses(limit=_ALL):
        response = record.response
        found = parse_review(response) if response.verb == REVIEW_VERB else None
        if found is not None:
            yield Reviewed(
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


def _of_record(review: StoredReview) -> Reviewed:
    said = dict(review.corrections)
    outcome = said.get("outcome")
    known = {condition.value: condition for condition in Condition}
    return Reviewed(
        command_id=review.review_id,
        site=review.site,
        robot=review.robot,
        subject=review.finding_id,
        judgement=ReviewJudgement(review.opinion.value),
        by=review.reviewer,
        at=review.reviewed_at,
        note=review.note,
        outcome=known.get(outcome) if outcome else None,
        material=said.get("material"),
        form=said.get("form"),
        severity=said.get("severity"),
    )
