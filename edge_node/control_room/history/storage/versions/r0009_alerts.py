"""Add alerts: rules' states, events, messages and their deliveries, and findings by the time they came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0009"
down_revision = "0008"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def upgrade() -> None:
    """Make the tables and their indexes."""
    op.create_table(
        "alert_rule",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("since_us", "looked_us")),
        *(sa.Column(name, NUMBER) for name in ("told_us", "muted_until_us")),
        *_texts("muted_by"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_state",
        sa.Column("state_key", NUMBER, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("rule", "subject")),
        sa.Column("since_us", NUMBER, nullable=False),
        sa.UniqueConstraint("rule", "subject"),
    )
    op.create_table(
        "alert_event",
        sa.Column("event_key", NUMBER, primary_key=True),
        sa.Column("at_us", NUMBER, nullable=False),
        *_texts("rule", "subject", "kind", "site", "robot", "text", "fate"),
        sa.Column("message_key", NUMBER),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_event_by_fate", "alert_event", ["fate", "event_key"])
    op.create_table(
        "alert_message",
        sa.Column("message_key", NUMBER, primary_key=True),
        sa.Column("at_us", NUMBER, nullable=False),
        *_texts("rule", "kind", "title", "text"),
        sa.Column("events", NUMBER, nullable=False, server_default=sa.text("0")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "alert_delivery",
        sa.Column("delivery_key", NUMBER, primary_key=True),
        sa.Column("message_key", NUMBER, nullable=False),
        *_texts("channel", "state", "why"),
        sa.Column("tries", NUMBER, nullable=False, server_default=sa.text("0")),
        sa.Column("changed_us", NUMBER, nullable=False),
        sa.UniqueConstraint("message_key", "channel"),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_delivery_by_channel", "alert_delivery", ["channel", "state"])
    op.create_index("finding_by_arrival", "finding", ["received_us"])
