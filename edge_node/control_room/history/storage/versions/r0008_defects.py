"""Add defects: what was seen of each finding, to which defect it belongs, and what people decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from edge_node.control_room.history.storage.tables import NUMBER

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables, and mark all findings as those whose defects are still to be found."""
    op.add_column("finding", _number("is_taken", default=0))
    _index_part("finding_not_taken", "finding", "is_taken = 0", "finding_key")
    _make_sightings()
    op.create_table(
        "defect",
        sa.Column("defect_key", NUMBER, primary_key=True, autoincrement=True),
        _text("site"),
        _text("asset", optional=True),
        *(_number("founder"), _number("merged_into"), _number("is_touched", default=0)),
        *(_text(name, default="") for name in ("name", "set_state", "set_by")),
        _number("set_us"),
        _text("assignee", default=""),
        _number("muted_until_us"),
        sa.Column("changed_us", NUMBER, nullable=False),
        sa.UniqueConstraint("founder"),
        sqlite_autoincrement=True,
    )
    op.create_index("defect_by_asset", "defect", ["site", "asset"])
    op.create_table(
        "defect_deed",
        sa.Column("deed_key", NUMBER, primary_key=True, autoincrement=True),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("defect_key", "at_us")),
        *(_text("by"), _text("action"), _text("text", default="")),
        sqlite_autoincrement=True,
    )
    op.create_index("deed_by_defect", "defect_deed", ["defect_key", "deed_key"])
    op.create_table(
        "defect_match",
        *(_text("site"), _text("asset"), _number("version", default=0)),
        sa.UniqueConstraint("site", "asset"),
    )


def _make_sightings() -> None:
    op.create_table(
        "sighting",
        sa.Column("sighting_key", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("robot_key", NUMBER, nullable=False),
        *(_text(name) for name in ("site", "robot", "finding_id")),
        _text("asset", optional=True),
        *(_number(name) for name in ("anchor", "defect_key")),
        _number("is_pinned", default=0),
        _number("is_changed", default=1),
        *(_number(name, default=0) for name in ("lacking", "looks", "heard")),
        sa.Column("received_us", NUMBER, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("placed", sa.LargeBinary),
        sa.UniqueConstraint("site", "finding_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("sighting_by_asset", "sighting", ["site", "asset", "sighting_key"])
    _index_part("sighting_by_defect", "sighting", "defect_key IS NOT NULL", "defect_key")
    _index_part("sighting_changed", "sighting", "is_changed = 1", "sighting_key")
    _index_part("sighting_lacking", "sighting", "lacking > 0", "looks")


def _number(name: str, *, default: int | None = None) -> sa.Column[int]:
    given = None if default is None else sa.text(str(default))
    return sa.Column(name, NUMBER, nullable=default is None, server_default=given)


def _text(name: str, *, default: str | None = None, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=optional, server_default=default)


def _index_part(name: str, table: str, which: str, column: str) -> None:
    op.create_index(name, table, [column], sqlite_where=sa.text(which), postgresql_where=sa.text(which))
