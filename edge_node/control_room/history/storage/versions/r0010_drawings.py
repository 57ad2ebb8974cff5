"""Add the drawings of assets, and how they are placed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0010"
down_revision = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "drawing",
        sa.Column("drawing_key", NUMBER, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("site", "asset", "sha256", "source_sha256")),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("width_px", "height_px", "bytes")),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("placement", sa.Text, nullable=False, server_default=""),
        sa.Column("origin", sa.Text, nullable=False, server_default=""),
        sa.Column("added_by", sa.Text, nullable=False, server_default=""),
        sa.Column("added_us", NUMBER, nullable=False),
        sa.Column("placed_by", sa.Text, nullable=False, server_default=""),
        sa.Column("placed_us", NUMBER),
        sa.UniqueConstraint("site", "asset"),
    )
