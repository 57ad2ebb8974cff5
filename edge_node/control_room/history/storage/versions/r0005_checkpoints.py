"""Add by what a robot's record is proved: its chain, what it signed of it, and what it gave up.

The ranges of the chain are filled from the stored verdicts when a control room starts.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "chain_range",
        sa.Column("epoch_key", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("first_seq", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("last_seq", NUMBER, nullable=False),
        sa.Column("kind", NUMBER, nullable=False),
        sa.Column("first_previous", sa.LargeBinary),
        sa.Column("last_sha256", sa.LargeBinary),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "epoch_before",
        sa.Column("epoch_key", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("before_epoch", sa.Text, nullable=False),
        sa.Column("before_seq", NUMBER, nullable=False),
        sa.Column("before_sha256", sa.LargeBinary),
    )
    op.create_table(
        "given_up",
        sa.Column("given_up_key", NUMBER, primary_key=True),
        sa.Column("robot_key", NUMBER, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("first_seq", NUMBER, nullable=False),
        sa.Column("last_seq", NUMBER, nullable=False),
        sa.Column("previous_sha256", sa.LargeBinary),
        sa.Column("is_trusted", NUMBER, nullable=False),
        sa.UniqueConstraint("robot_key", "epoch", "first_seq", "last_seq"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("checkpoint_key", NUMBER, primary_key=True),
        sa.Column("robot_key", NUMBER, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("last_seq", NUMBER, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False, server_default=""),
        sa.Column("received_us", NUMBER, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=""),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("robot_key", "epoch", "seq"),
    )
