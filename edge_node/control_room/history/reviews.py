"""Query what people, and robots for people, said of findings and verdicts; the newest review counts.

What takes a review back is kept beside it, and has effect only if a person said so here or by a trusted key.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Text, bindparam, case, delete, exists, func, literal_column, or_, select, update

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.records import (
    HEARD,
    Delivery,
    ReviewOrigin,
    StoredReview,
    StoredWithdrawal,
)
from edge_node.control_room.history.sql_filters import LIMIT, ONE, ZERO, bound_limit
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.tables import review, robot, withdrawal
from edge_node.messages.review import ReviewJudgement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Executable
    from sqlalchemy.sql.selectable import NamedFromClause

    from edge_node.control_room.history.database import Database

MAX_CLAIMS = 1000  # of reviews by each robot, the newest

_MAX_ANSWER = 200  # characters of a robot's text
_CORRECTIONS_DECODER = msgspec.json.Decoder(dict[str, str])
_REVIEW_COLUMNS = (
    *(review.c.review_id, robot.c.site, robot.c.robot, review.c.finding_id, review.c.opinion, review.c.note),
    *(review.c.reviewer, review.c.reviewed_us, review.c.corrections, review.c.delivery, review.c.answer),
    *(
        review.c.origin,
        review.c.evidence,
        withdrawal.c.withdrawal_id,
        withdrawal.c.reviewer.label("taken_by"),
    ),
    *(withdrawal.c.withdrawn_us, withdrawal.c.note.label("why"), withdrawal.c.delivery.label("told")),
    *(withdrawal.c.answer.label("answered"), withdrawal.c.origin.label("known_by")),
)


def counts(of: NamedFromClause) -> ColumnElement[bool]:
    """Return the condition that a row of the table of reviews, or of an alias of it, was not taken back."""
    taken_back = select(withdrawal.c.review_id).where(withdrawal.c.review_id == of.c.review_id)
    return ~taken_back.correlate(of).exists()


_HEARD = [review.c.origin == literal_column(f"'{origin}'", Text) for origin in sorted(HEARD)]
_ROBOT = literal_column(f"'{ReviewOrigin.ROBOT.value}'", Text)
# What this room heard counts before what nobody knows the origin of, and that before what a robot says.
_RANK = case((or_(*_HEARD), ZERO), (review.c.origin == _ROBOT, literal_column("2")), else_=ONE)
_IS_CLAIM = (review.c.robot_key == bindparam("robot_key"), review.c.origin == _ROBOT)
_robots = robot.alias("robots")
_reviews = (
    select(*_REVIEW_COLUMNS)
    .join_from(review, robot, robot.c.robot_key == review.c.robot_key)
    .outerjoin(withdrawal, withdrawal.c.review_id == review.c.review_id)
)
_NEWEST_REVIEW = (
    _reviews.where(
        review.c.robot_key == bindparam("robot_key"),
        review.c.finding_id == bindparam("finding_id"),
        counts(review),
    )
    .order_by(_RANK, review.c.reviewed_us.desc())
    .limit(ONE)
)
_COUNT_CLAIMS = select(func.count()).select_from(review).where(*_IS_CLAIM)
_oldest_claim = (
    select(review.c.review_id).where(*_IS_CLAIM).order_by(review.c.reviewed_us, review.c.review_id).limit(ONE)
)
_DELETE_OLDEST_CLAIM = delete(review).where(review.c.review_id == _oldest_claim.scalar_subquery())

_INSERT = insert_new(withdrawal).values({column.name: bindparam(column.name) for column in withdrawal.c})
_FIND_ROBOT = select(review.c.robot_key).where(review.c.review_id == bindparam("review_id"))
_DELIVER = (
    update(withdrawal)
    .where(
        withdrawal.c.withdrawal_id == bindparam("id"),
        withdrawal.c.delivery != literal_column(f"'{Delivery.DONE.value}'", Text),
    )
    .values(delivery=bindparam("state"), answer=bindparam("said"))
)
_IS_WAITING = literal_column(f"'{Delivery.WAITING.value}'", Text)
_WAITS = or_(review.c.delivery == _IS_WAITING, withdrawal.c.delivery == _IS_WAITING)
_WAITING = _reviews.where(_WAITS).order_by(review.c.reviewed_us, review.c.review_id).limit(LIMIT)
_COUNT_WAITING = (
    select(func.count())
    .select_from(review)
    .outerjoin(withdrawal, withdrawal.c.review_id == review.c.review_id)
    .where(_WAITS)
)
_DELETE_ORPHANS = delete(withdrawal).where(~exists().where(review.c.review_id == withdrawal.c.review_id))


def select_reviews(
    database: Database, finding_id: str | None, delivery: Delivery | None, limit: int
) -> list[StoredReview]:
    """Return reviews, newest first."""
    given = {"finding_id": finding_id, "delivery": delivery.value if delivery else None}
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    rows = database.rows(_reviews_of(tuple(values)), {**values, "limit": bound_limit(limit)})
    return [_stored_review(row) for row in rows]


def find_newest_review(database: Database, robot_key: int, finding_id: str) -> StoredReview | None:
    """Return the review of a finding or verdict that counts."""
    rows = database.rows(_NEWEST_REVIEW, {"robot_key": robot_key, "finding_id": finding_id})
    return _stored_review(rows[0]) if rows else None


def select_waiting(database: Database, limit: int) -> list[StoredReview]:
    """Return reviews that their robots have not had, or whose taking back they have not, oldest first."""
    return [_stored_review(row) for row in database.rows(_WAITING, {"limit": limit})]


def count_waiting(database: Database) -> int:
    """Count these reviews."""
    return int(database.rows(_COUNT_WAITING)[0][0])


def delete_oldest_claim(database: Database, robot_key: int) -> None:
    """Delete the oldest of the reviews that a robot claims people made, where it has claimed many."""
    found = database.peek(_COUNT_CLAIMS, {"robot_key": robot_key})
    if found is not None and found[0] >= MAX_CLAIMS:
        database.write(_DELETE_OLDEST_CLAIM, {"robot_key": robot_key})


def add_withdrawal(database: Database, withdrawn: StoredWithdrawal) -> bool:
    """Take a stored review back; False if it is not stored, or was taken back before."""
    with database.transaction():
        found = database.peek(_FIND_ROBOT, {"review_id": withdrawn.review_id})
        if found is None:
            return False
        values = {
            "review_id": withdrawn.review_id,
            "withdrawal_id": withdrawn.withdrawal_id,
            "robot_key": found[0],
            "withdrawn_us": to_us(withdrawn.withdrawn_at),
            "reviewer": withdrawn.reviewer,
            "note": withdrawn.note,
            "delivery": withdrawn.delivery.value,
            "answer": withdrawn.answer,
            "origin": withdrawn.origin,
        }
        return database.write(_INSERT, values) > 0


def answer_withdrawal(database: Database, withdrawal_id: str, delivery: Delivery, answer: str) -> bool:
    """Store the robot's response to a withdrawal; False if there is no such withdrawal."""
    values = {"id": withdrawal_id, "state": delivery.value, "said": answer[:_MAX_ANSWER]}
    return database.write(_DELIVER, values) > 0


def delete_orphans(database: Database) -> int:
    """Delete the withdrawals of reviews that are stored no more."""
    return database.write(_DELETE_ORPHANS)


@lru_cache(4)
def _reviews_of(names: tuple[str, ...]) -> Executable:
    query = _reviews.where(*(review.c[name] == bindparam(name) for name in names))
    if "finding_id" in names:  # the index of findings begins with the robot
        query = query.where(review.c.robot_key.in_(select(_robots.c.robot_key)))
    return query.order_by(review.c.reviewed_us.desc(), review.c.review_id).limit(LIMIT)


def _stored_review(row: Sequence[Any]) -> StoredReview:
    return StoredReview(
        review_id=row[0],
        site=row[1],
        robot=row[2],
        finding_id=row[3],
        opinion=ReviewJudgement(row[4]),
        note=row[5],
        reviewer=row[6],
        reviewed_at=from_us(row[7]),
        corrections=_CORRECTIONS_DECODER.decode(row[8]),
        delivery=Delivery(row[9]),
        answer=row[10],
        origin=row[11],
        evidence_sha256=row[12],
        withdrawn=None if row[13] is None else _withdrawn(row[0], row[13:]),
    )


def _withdrawn(review_id: str, row: Sequence[Any]) -> StoredWithdrawal:
    return StoredWithdrawal(
        review_id=review_id,
        withdrawal_id=row[0],
        reviewer=row[1],
        withdrawn_at=from_us(row[2]),
        note=row[3],
        delivery=Delivery(row[4]),
        answer=row[5],
        origin=row[6],
    )
