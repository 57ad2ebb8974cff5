"""Add what the versions up to 0.8.0 added: ends of epochs, conflicts, the order of the review queue.

Those versions kept no number of what they had added, so each table and column is looked for.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import MEASURE, NO_REASON, NUMBER

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add what the file lacks."""
    known = sa.inspect(op.get_bind())
    tables = set(known.get_table_names())
    if "epoch_state" not in tables:
        _make_epoch_state()
    if "conflict" not in tables:
        _make_conflict()
    if "disagreement" not in tables:
        _make_disagreement()
    if "retired" not in tables:
        op.create_table(
            "retired",
            sa.Column("robot_key", NUMBER, primary_key=True, autoincrement=False),
            sa.Column("retired_us", NUMBER, nullable=False),
        )
    columns = {column["name"] for column in known.get_columns("verdict")}
    if "sha256" not in columns:
        op.add_column("verdict", sa.Column("sha256", sa.LargeBinary))
    if "teaches" not in columns:
        _add_queue_columns()


def _make_epoch_state() -> None:
    op.create_table(
        "epoch_state",
        sa.Column("epoch_key", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("robot_key", NUMBER, nullable=False),
        sa.Column("from_start", NUMBER, nullable=False),
        sa.Column("previous_key", NUMBER),
        sa.Column("named_seq", NUMBER, nullable=False, server_default=sa.text("0")),
        sa.Column("named_us", NUMBER),
        sa.Column("missing", NUMBER, nullable=False, server_default=sa.text("0")),
    )
    lacks = sa.text("missing > 0")
    op.create_index(
        "epoch_with_gaps", "epoch_state", ["robot_key"], sqlite_where=lacks, postgresql_where=lacks
    )
    follows = sa.column("previous_key").is_not(None)
    op.create_index(
        "epoch_by_previous", "epoch_state", ["previous_key"], sqlite_where=follows, postgresql_where=follows
    )


def _make_conflict() -> None:
    op.create_table(
        "conflict",
        sa.Column("conflict_key", NUMBER, primary_key=True),
        sa.Column("robot_key", NUMBER, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("received_us", NUMBER, nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("robot_key", "epoch", "seq", "sha256"),
    )


def _make_disagreement() -> None:
    op.create_table(
        "disagreement",
        sa.Column("disagreement_key", NUMBER, primary_key=True),
        sa.Column("robot_key", NUMBER, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("received_us", NUMBER, nullable=False),
        sa.Column("evidence", sa.Text),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("robot_key", "epoch", "seq"),
        sqlite_autoincrement=True,
    )


def _add_queue_columns() -> None:
    op.add_column("verdict", sa.Column("reasons", sa.Text, nullable=False, server_default=""))
    op.add_column(
        "verdict", sa.Column("teaches", NUMBER, nullable=False, server_default=sa.text(str(NO_REASON)))
    )
    op.add_column("verdict", sa.Column("margin", MEASURE, nullable=False, server_default=sa.text("0")))
    kept = sa.column("evidence").is_not(None)
    op.create_index(
        "verdict_by_teaching",
        "verdict",
        ["teaches", "margin", sa.column("position").desc()],
        sqlite_where=kept,
        postgresql_where=kept,
    )
