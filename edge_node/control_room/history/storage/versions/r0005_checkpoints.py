"""Add what robots signed of their records: up to which number, with which hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "checkpoint",
        sa.Column("checkpoint_key", NUMBER, primary_key=True),
        sa.Column("robot_key", NUMBER, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False, server_default=""),
        sa.Column("received_us", NUMBER, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=""),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("robot_key", "epoch", "seq"),
    )
