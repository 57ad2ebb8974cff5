"""Add the audit: who decided and commanded what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table and its indexes."""
    words = ("user", "role", "origin", "address", "action", "subject", "outcome")
    op.create_table(
        "audit",
        sa.Column("audit_key", NUMBER, primary_key=True),
        sa.Column("at_us", NUMBER, nullable=False),
        *(sa.Column(word, sa.Text, nullable=False) for word in words),
        sa.Column("text", sa.Text, nullable=False, server_default=""),
        sa.Column("count", NUMBER, nullable=False, server_default=sa.text("1")),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_user", "audit", ["user", "audit_key"])
    op.create_index("audit_by_action", "audit", ["action", "audit_key"])
