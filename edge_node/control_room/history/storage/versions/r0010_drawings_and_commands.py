"""Add the drawings of assets with their placement, and what people commanded from the page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import MEASURE, NUMBER

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables."""
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
    op.create_table(
        "command",
        sa.Column("command_key", NUMBER, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("command_id", "site", "robot", "verb")),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sa.Column("asked_by", sa.Text, nullable=False, server_default=""),
        sa.Column("asked_us", NUMBER, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False, server_default=""),
        sa.Column("text", sa.Text, nullable=False, server_default=""),
        sa.Column("progress", MEASURE),
        sa.Column("changed_us", NUMBER, nullable=False),
        sa.UniqueConstraint("command_id"),
    )
    op.create_index("command_by_robot", "command", ["site", "robot", "command_key"])
