"""Count verdicts along the pose, or over time, in equal stretches for the strip chart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edge_node.control_room.history.records import StripCell
from edge_node.control_room.history.sql_filters import verdict_conditions, where_clause
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import VerdictFilter

MAX_DISTANCE_M = 1e7  # a quarter of the earth's circumference: no plausible pose is larger


def select_strip_cells(
    database: Database, only: VerdictFilter, cells: int, *, by_time: bool
) -> list[StripCell]:
    """Count verdicts in at most ``cells`` equal stretches of the pose, or of time."""
    conditions, values = verdict_conditions(only)
    along = "v.observed_us / 1e6" if by_time else "v.distance_m"
    if not by_time:
        conditions.append(f"v.distance_m BETWEEN {-MAX_DISTANCE_M} AND {MAX_DISTANCE_M}")
    which = where_clause(conditions)
    low, high = database.rows(f"SELECT min({along}), max({along}) FROM verdict v{which}", values)[0]
    if low is None:
        return []
    width = _round_step((high - low) / max(cells - 1, 1))
    first = math.floor(low / width)
    rows = database.rows(
        f"SELECT CAST(({along}) / ? - ? AS INTEGER) AS cell, v.outcome, v.severity, count(*),"
        f" max(v.area_fraction) FROM verdict v{which} GROUP BY cell, v.outcome, v.severity ORDER BY cell",
        (width, first, *values),
    )
    by_cell: dict[int, list[Sequence[Any]]] = {}
    for row in rows:
        by_cell.setdefault(row[0], []).append(row[1:])
    return [_strip_cell((first + cell) * width, width, parts) for cell, parts in by_cell.items()]


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
