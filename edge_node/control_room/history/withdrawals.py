"""Store what takes reviews back, and tell which reviews still count.

A withdrawal is kept beside its review, and a robot is told of both. What only a robot says
takes nothing back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, select, update

from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.tables import review, withdrawal

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.selectable import NamedFromClause

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import Delivery, StoredWithdrawal

_MAX_ANSWER = 200  # characters of a robot's text

_INSERT = insert_new(withdrawal).values({column.name: bindparam(column.name) for column in withdrawal.c})
_FIND_ROBOT = select(review.c.robot_key).where(review.c.review_id == bindparam("review_id"))
_DELIVER = (
    update(withdrawal)
    .where(withdrawal.c.withdrawal_id == bindparam("id"))
    .values(delivery=bindparam("state"), answer=bindparam("said"))
)
_DELETE_ORPHANS = delete(withdrawal).where(~exists().where(review.c.review_id == withdrawal.c.review_id))


def counts(of: NamedFromClause) -> ColumnElement[bool]:
    """Return the condition that a row of the table of reviews, or of an alias of it, was not taken back."""
    taken_back = select(withdrawal.c.review_id).where(withdrawal.c.review_id == of.c.review_id)
    return ~taken_back.correlate(of).exists()


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
