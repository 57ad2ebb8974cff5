"""Add what each robot's verdicts take of the history's bound."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; the verdicts are counted at the first look at the bounds."""
    op.create_table(
        "verdict_share",
        sa.Column("robot_key", NUMBER, primary_key=True),
        *(
            sa.Column(name, NUMBER, nullable=False, server_default=sa.text("0"))
            for name in ("rows", "bytes", "first_key", "last_key")
        ),
    )
