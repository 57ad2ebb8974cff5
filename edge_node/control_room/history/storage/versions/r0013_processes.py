"""Add the tables by which processes that share a history know of each other."""

from __future__ import annotations

from alembic import op
from sqlalchemy.schema import CreateIndex, CreateTable

from edge_node.control_room.history.storage.process_tables import TABLES

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables, empty."""
    for table in TABLES:
        op.execute(CreateTable(table))
        for index in table.indexes:
            op.execute(CreateIndex(index))
