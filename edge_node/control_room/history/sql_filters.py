"""Translate filters into SQL conditions with bound values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.records import VerdictFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_node.control_room.history.records import FindingFilter

MAX_LIMIT = 100_000


def verdict_conditions(only: VerdictFilter | None) -> tuple[list[str], list[Any]]:
    """Return conditions on the table ``verdict v`` and the values to bind."""
    only = only or VerdictFilter()
    conditions, values = robot_conditions("v", only.site, only.robot)
    for column in ("asset", "outcome", "material", "form", "severity"):
        if (word := getattr(only, column)) is not None:
            conditions.append(f"v.{column} = ?")
            values.append(word)
    for condition, value in (
        ("v.observed_us >= ?", None if only.since is None else to_us(only.since)),
        ("v.observed_us <= ?", None if only.until is None else to_us(only.until)),
        ("v.distance_m >= ?", only.from_m),
        ("v.distance_m <= ?", only.to_m),
        ("v.replayed = ?", only.replayed),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if only.with_picture:
        conditions.append("v.evidence IS NOT NULL")
    return conditions, values


def finding_conditions(only: FindingFilter) -> tuple[list[str], list[Any]]:
    """Return conditions on the table ``finding f`` and the values to bind."""
    conditions, values = robot_conditions("f", only.site, only.robot)
    for condition, value in (
        ("f.asset = ?", only.asset),
        ("f.material = ?", only.material),
        ("f.severity = ?", only.severity),
        ("f.is_open = ?", only.is_open),
        ("f.last_us >= ?", None if only.since is None else to_us(only.since)),
        ("f.last_us <= ?", None if only.until is None else to_us(only.until)),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return conditions, values


def robot_conditions(table: str, site: str | None, robot: str | None) -> tuple[list[str], list[Any]]:
    """Return conditions on the robot of ``table``, and the values to bind."""
    given = [(name, value) for name, value in (("site", site), ("robot", robot)) if value is not None]
    if not given:
        return [], []
    which = " AND ".join(f"{name} = ?" for name, _ in given)
    return (
        [f"{table}.robot_key IN (SELECT robot_key FROM robot WHERE {which})"],
        [value for _, value in given],
    )


def where_clause(conditions: Iterable[str]) -> str:
    """Return a WHERE clause that joins ``conditions`` with AND; "" without any."""
    text = " AND ".join(conditions)
    return f" WHERE {text}" if text else ""


def bound_limit(limit: int) -> int:
    """Return ``limit`` within 0 and ``MAX_LIMIT``."""
    return min(max(limit, 0), MAX_LIMIT)
