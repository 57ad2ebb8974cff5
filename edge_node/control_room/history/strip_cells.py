"""Count verdicts along the pose, or over time, in equal stretches for the strip chart."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, Integer, bindparam, func, literal_column, select

from edge_node.control_room.history.records import StripCell
from edge_node.control_room.history.sql_filters import SHAPES, verdict_conditions, verdict_values
from edge_node.control_room.history.storage.dialect import whole
from edge_node.control_room.history.storage.tables import verdict
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Executable

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import VerdictFilter

MAX_DISTANCE_M = 1e7  # a quarter of the earth's circumference: no plausible pose is larger


def select_strip_cells(
    database: Database, only: VerdictFilter, cells: int, *, by_time: bool
) -> list[StripCell]:
    """Count verdicts in at most ``cells`` equal stretches of the pose, or of time."""
    values = verdict_values(only)
    ends, counts = _statements(tuple(values), by_time=by_time)
    low, high = database.rows(ends, values)[0]
    if low is None:
        return []
    width = _round_step((high - low) / max(cells - 1, 1))
    first = math.floor(low / width)
    by_cell: dict[int, list[Sequence[Any]]] = {}
    for row in database.rows(counts, {**values, "width": width, "first": first}):
        by_cell.setdefault(row[0], []).append(row[1:])
    return [_strip_cell((first + cell) * width, width, parts) for cell, parts in by_cell.items()]


@lru_cache(SHAPES)
def _statements(names: tuple[str, ...], *, by_time: bool) -> tuple[Executable, Executable]:
    """Return the query of the two ends, and that of the counts."""
    conditions = verdict_conditions(names)
    along: ColumnElement[Any] = verdict.c.distance_m
    if by_time:
        along = verdict.c.observed_us / literal_column("1e6", Float)
    else:
        farthest = literal_column(repr(MAX_DISTANCE_M), Float)
        conditions.append(along.between(-farthest, farthest))
    cell = whole(along / bindparam("width", type_=Float) - bindparam("first", type_=Integer)).label("cell")
    counts = (
        select(cell, verdict.c.outcome, verdict.c.severity, func.count(), func.max(verdict.c.area_fraction))
        .where(*conditions)
        .group_by(cell, verdict.c.outcome, verdict.c.severity)
        .order_by(cell)
    )
    return select(func.min(along), func.max(along)).where(*conditions), counts


def _strip_cell(start: float, width: float, parts: Iterable[Sequence[Any]]) -> StripCell:
    judged = not_judged = corroded = 0
    by_severity: dict[str, int] = {}
    areas = []
    for outcome, severity, count, area in parts:
        if outcome == Outcome.CORRODED.value:
            corroded += count
            by_severity[severity or ""] = by_severity.get(severity or "", 0) + count
            areas += [area] if area is not None else []
        if outcome in (Outcome.CORRODED.value, Outcome.UNCORRODED.value):
            judged += count
        else:
            not_judged += count
    return StripCell(
        start=start,
        end=start + width,
        judged=judged,
        not_judged=not_judged,
        corroded=corroded,
        by_severity=by_severity,
        peak_area_fraction=max(areas, default=None),
    )


def _round_step(width: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten, so that cells keep their places while a pass grows."""
    if width <= 0:
        return 0.01
    power = 10.0 ** math.floor(math.log10(width))
    return float(next(power * step for step in (1, 2, 5, 10) if power * step >= width * (1 - 1e-9)))
