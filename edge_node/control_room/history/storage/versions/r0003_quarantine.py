"""Add the quarantine: robots and sites beyond a bound, until a person admits them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "quarantine",
        sa.Column("quarantine_key", NUMBER, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("robot", sa.Text, nullable=False),
        sa.Column("first_heard_us", NUMBER, nullable=False),
        sa.Column("last_heard_us", NUMBER, nullable=False),
        sa.Column("messages", NUMBER, nullable=False, server_default=sa.text("0")),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("decided_us", NUMBER),
        sa.Column("decided_by", sa.Text, nullable=False, server_default=""),
        sa.UniqueConstraint("site", "robot"),
    )
