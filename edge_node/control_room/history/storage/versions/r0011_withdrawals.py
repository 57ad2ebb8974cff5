"""Add the withdrawals of reviews: an undo is kept beside its review, and nothing is deleted.

A program that does not know the table goes on with the file, and counts every review.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0011"
down_revision = "0010"

_WORDS = ("reviewer", "note", "delivery", "answer", "origin")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "withdrawal",
        sa.Column("review_id", sa.Text, primary_key=True, nullable=False),
        sa.Column("withdrawal_id", sa.Text, nullable=False),
        sa.Column("robot_key", NUMBER, nullable=False),
        sa.Column("withdrawn_us", NUMBER, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _WORDS),
        sqlite_with_rowid=False,
    )
