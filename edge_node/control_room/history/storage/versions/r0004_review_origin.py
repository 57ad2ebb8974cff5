"""Add to a review where it is from: a login of this room, a name typed by hand, or what a robot says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; of reviews that are there, and of those that an older program makes, it is ""."""
    op.add_column("review", sa.Column("origin", sa.Text, nullable=False, server_default=""))
