"""The tables of alerts: what is raised now, what happened, which messages were made of it, and who got them.

They belong to the metadata of ``tables.py``, by its rules.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint, text

from edge_node.control_room.history.storage.tables import NUMBER, metadata


def _number(name: str, *, optional: bool = False, default: int | None = None) -> Column[int]:
    return Column(
        name, NUMBER, nullable=optional, server_default=None if default is None else text(str(default))
    )


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


# How far each rule has looked, when it was told last, and until when a person muted it.
alert_rule = Table(
    "alert_rule",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    _number("since_us"),
    _number("looked_us"),
    _number("told_us", optional=True),
    _number("muted_until_us", optional=True),
    _text("muted_by"),
    sqlite_with_rowid=False,
)
# What is raised now, and what happened once and is not told again.
alert_state = Table(
    "alert_state",
    metadata,
    Column("state_key", NUMBER, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    _number("since_us"),
    UniqueConstraint("rule", "subject"),
)
alert_event = Table(
    "alert_event",
    metadata,
    Column("event_key", NUMBER, primary_key=True),
    _number("at_us"),
    *(_text(name) for name in ("rule", "subject", "kind", "site", "robot", "text", "fate")),
    _number("message_key", optional=True),
    sqlite_autoincrement=True,
)
Index("alert_event_by_fate", alert_event.c.fate, alert_event.c.event_key)
alert_message = Table(
    "alert_message",
    metadata,
    Column("message_key", NUMBER, primary_key=True),
    _number("at_us"),
    *(_text(name) for name in ("rule", "kind", "title", "text")),
    _number("events", default=0),
    sqlite_autoincrement=True,
)
alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("delivery_key", NUMBER, primary_key=True),
    _number("message_key"),
    *(_text(name) for name in ("channel", "state", "why")),
    _number("tries", default=0),
    _number("changed_us"),
    UniqueConstraint("message_key", "channel"),
    sqlite_autoincrement=True,
)
Index("alert_delivery_by_channel", alert_delivery.c.channel, alert_delivery.c.state)
ALL = (alert_rule, alert_state, alert_event, alert_message, alert_delivery)
