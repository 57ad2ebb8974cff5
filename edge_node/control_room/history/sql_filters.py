"""Translate filters into SQL conditions with bound values.

A filter has a shape: the names of what it asks for. Statements are made once for each shape, from
``..._conditions(names)``, and run with the filter's own ``..._values``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, and_, bindparam, literal_column, select

from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.storage.tables import NUMBER, finding, robot, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement

    from edge_node.control_room.history.records import FindingFilter, VerdictFilter

MAX_LIMIT = 100_000
SHAPES = 512  # statements that are kept of one kind; a page asks for a handful
ZERO, ONE = literal_column("0", NUMBER), literal_column("1", NUMBER)  # where SQL wants a number, not a value
LIMIT = bindparam("limit", type_=Integer)

_VERDICT_COLUMNS = ("asset", "outcome", "material", "form", "severity", "replayed")
_VERDICT_PLAIN = ("site", "robot", *_VERDICT_COLUMNS, "from_m", "to_m")
_VERDICT_BOUNDS = {
    "since": verdict.c.observed_us >= bindparam("since"),
    "until": verdict.c.observed_us <= bindparam("until"),
    "from_m": verdict.c.distance_m >= bindparam("from_m"),
    "to_m": verdict.c.distance_m <= bindparam("to_m"),
    "with_picture": verdict.c.evidence.is_not(None),
    "without_asset": verdict.c.asset.is_(None),
    **{name: verdict.c[name] == bindparam(name) for name in _VERDICT_COLUMNS},
}
_FINDING_BOUNDS = {
    "since": finding.c.last_us >= bindparam("since"),
    "until": finding.c.last_us <= bindparam("until"),
    **{name: finding.c[name] == bindparam(name) for name in ("asset", "material", "severity", "is_open")},
}


def verdict_values(only: VerdictFilter | None) -> dict[str, Any]:
    """Return what a filter asks of verdicts, by the names that ``verdict_conditions`` takes."""
    if only is None:
        return {}
    values = {name: value for name in _VERDICT_PLAIN if (value := getattr(only, name)) is not None}
    if only.since is not None:
        values["since"] = to_us(only.since)
    if only.until is not None:
        values["until"] = to_us(only.until)
    for name in ("with_picture", "without_asset"):
        if getattr(only, name):
            values[name] = True
    return values


def verdict_conditions(names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions on the table of verdicts that a filter with these names makes."""
    names = tuple(names)
    return robot_conditions(verdict.c.robot_key, names) + [
        _VERDICT_BOUNDS[name] for name in names if name in _VERDICT_BOUNDS
    ]


def finding_values(only: FindingFilter) -> dict[str, Any]:
    """Return what a filter asks of findings, by the names that ``finding_conditions`` takes."""
    values = {
        "site": only.site,
        "robot": only.robot,
        "asset": only.asset,
        "material": only.material,
        "severity": only.severity,
        "is_open": only.is_open,
        "since": None if only.since is None else to_us(only.since),
        "until": None if only.until is None else to_us(only.until),
    }
    return {name: value for name, value in values.items() if value is not None}


def finding_conditions(names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions on the table of findings that a filter with these names makes."""
    names = tuple(names)
    return robot_conditions(finding.c.robot_key, names) + [
        _FINDING_BOUNDS[name] for name in names if name in _FINDING_BOUNDS
    ]


def robot_conditions(robot_key: ColumnElement[int], names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the condition on the robot of a table, if ``site`` or ``robot`` is among the names."""
    given = [robot.c[name] == bindparam(name) for name in names if name in ("site", "robot")]
    return [robot_key.in_(select(robot.c.robot_key).where(and_(*given)))] if given else []


def bound_limit(limit: int) -> int:
    """Return ``limit`` within 0 and ``MAX_LIMIT``."""
    return min(max(limit, 0), MAX_LIMIT)
