"""Add missions whose verdicts may be deleted, and the names that people give to missions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "mission",
        sa.Column("mission_key", NUMBER, primary_key=True, nullable=False),
        *(
            sa.Column(name, kind, nullable=False)
            for name, kind in (
                *(("robot_key", NUMBER), ("content", sa.LargeBinary), ("epoch", sa.Text)),
                *(("first_seq", NUMBER), ("verdicts", NUMBER), ("ended_us", NUMBER)),
            )
        ),
        sa.UniqueConstraint("robot_key", "epoch", "first_seq"),
    )
    op.create_table(
        "mission_name",
        sa.Column("mission_name_key", NUMBER, primary_key=True, nullable=False),
        *(
            sa.Column(name, kind, nullable=False)
            for name, kind in (
                *(("robot_key", NUMBER), ("epoch", sa.Text), ("seq", NUMBER)),
                *(("name", sa.Text), ("named_by", sa.Text), ("named_us", NUMBER)),
            )
        ),
        sa.UniqueConstraint("robot_key", "epoch", "seq"),
    )
