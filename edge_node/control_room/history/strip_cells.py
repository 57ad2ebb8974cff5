"""Count verdicts along the pose, or over time, in equal stretches: strip charts of all, or of each asset."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, Integer, bindparam, case, func, literal_column, or_, select

from edge_node.control_room.history.sql_filters import SHAPES, verdict_conditions, verdict_values
from edge_node.control_room.history.storage.dialect import whole
from edge_node.control_room.history.storage.tables import robot, verdict
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Executable

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import VerdictFilter

MAX_DISTANCE_M = 1e7  # a quarter of the earth's circumference: no plausible pose is larger


@dataclass(frozen=True, slots=True)
class StripCell:
    """Counts of the verdicts in one stretch of a strip chart.

    Attributes:
        start: of the stretch: metres, or seconds since 1970 where there is no pose.
        end: of the stretch, same unit.
        judged: corroded and uncorroded verdicts.
        not_judged: uncertain and not inspectable verdicts.
        corroded: corroded verdicts.
        by_severity: corroded verdicts of each severity; "" where the verdict has none.
        peak_area_fraction: the largest in the stretch.
    """

    start: float
    end: float
    judged: int
    not_judged: int
    corroded: int
    by_severity: Mapping[str, int]
    peak_area_fraction: float | None


@dataclass(frozen=True, slots=True)
class Strip:
    """The strip chart of one asset; where robots name none, or send no pose, that of one robot.

    Attributes:
        site: of the asset.
        robots: those whose verdicts it adds up.
        asset: None where the robot names none.
        by_time: along the time instead of the pose, of which there is none.
        cells: stretches with a verdict.
        last_us: when its newest verdict was observed, in microseconds since 1970.
    """

    site: str
    robots: tuple[str, ...]
    asset: str | None
    by_time: bool
    cells: tuple[StripCell, ...]
    last_us: int


def select_strip_cells(
    database: Database, only: VerdictFilter, cells: int, *, by_time: bool
) -> list[StripCell]:
    """Count verdicts in at most ``cells`` equal stretches of the pose, or of time."""
    values = verdict_values(only)
    ends, counts = _statements(tuple(values), by_time=by_time)
    low, high = database.rows(ends, values)[0]
    if low is None:
        return []
    width, first = _grid(low, high, cells)
    rows = database.rows(counts, {**values, "width": width, "first": first})
    return _make_cells(rows, width, first)


def select_asset_strips(  # noqa: PLR0913  # each is a part of the question, by name
    database: Database,
    only: VerdictFilter,
    cells: int,
    *,
    by_time: bool = False,
    robots: Container[tuple[str, str]] | None = None,
    most: int = 12,
) -> tuple[list[Strip], int]:
    """Count the verdicts of each asset in a strip of its own.

    Robots that name the same asset at one site share its strip. Where a robot names no asset, or sends no
    pose on it, the strip is that robot's; without a pose it is over time.

    Args:
        database: to ask.
        only: which verdicts.
        cells: at most so many stretches in each strip.
        by_time: all strips over time.
        robots: only these, by site and name; None means all that ``only`` matches.
        most: return those strips with the newest verdicts.

    Returns:
        Strips by site, asset and robot; and how many there are without the bound.
    """
    found: dict[tuple[str, str, str, bool], _Group] = {}
    for site, name in database.rows(_ROBOTS):
        if (robots is not None and (site, name) not in robots) or not _matches(only, site, name):
            continue
        values = verdict_values(replace(only, site=site, robot=name))
        for asset, placed, from_m, to_m, from_us, to_us in database.rows(_spans(tuple(values)), values):
            over_time = by_time or not placed
            owner = name if over_time or asset is None else ""
            group = found.setdefault((site, asset or "", owner, over_time), _Group(site, asset, over_time))
            ends = (from_us / 1e6, to_us / 1e6) if over_time else (from_m, to_m)
            group.add(name, *ends, to_us)
    newest = sorted(found.values(), key=lambda group: -group.last_us)[:most]
    for group in newest:
        group.width, group.first = _grid(group.low, group.high, cells)
    _count_groups(database, only, newest)
    strips = [group.make_strip() for group in newest]
    return sorted(
        strips, key=lambda strip: (strip.site, strip.asset is None, strip.asset, strip.robots)
    ), len(found)


@dataclass(slots=True)
class _Group:
    """The verdicts of one strip: whose they are, from where to where they reach, and their counts by cell."""

    site: str
    asset: str | None
    by_time: bool
    robots: list[str] = field(default_factory=list)
    low: float = math.inf
    high: float = -math.inf
    last_us: int = 0
    width: float = 1.0
    first: int = 0
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, name: str, low: float, high: float, last_us: int) -> None:
        """Add a robot's verdicts."""
        self.robots.append(name)
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.last_us = max(self.last_us, last_us)

    def make_strip(self) -> Strip:
        """Return the strip of the counts."""
        cells = sorted(_make_cells(self.rows, self.width, self.first), key=lambda cell: cell.start)
        return Strip(self.site, tuple(self.robots), self.asset, self.by_time, tuple(cells), self.last_us)


def _count_groups(database: Database, only: VerdictFilter, groups: Sequence[_Group]) -> None:
    """Count the verdicts of each group by cell: each robot's are read once, whatever number of assets."""
    of_robots: dict[tuple[str, str, bool], dict[str | None, _Group]] = {}
    for group in groups:
        for name in group.robots:
            of_robots.setdefault((group.site, name, group.by_time), {})[group.asset] = group
    for (site, name, by_time), own in of_robots.items():
        values = verdict_values(replace(only, site=site, robot=name))
        named = [group for asset, group in own.items() if asset is not None]
        query = _counts_by_asset(tuple(values), len(named), None in own, by_time=by_time)
        grids: dict[str, object] = {f"asset_{at}": group.asset for at, group in enumerate(named)}
        for mark, group in [*enumerate(named), *([("none", own[None])] if None in own else [])]:
            grids |= {f"width_{mark}": group.width, f"first_{mark}": group.first}
        for asset, *row in database.rows(query, {**values, **grids}):
            own[asset].rows.append(tuple(row))


def _matches(only: VerdictFilter, site: str, name: str) -> bool:
    return only.site in (None, site) and only.robot in (None, name)


def _grid(low: float, high: float, cells: int) -> tuple[float, int]:
    """Return the width of at most ``cells`` stretches between two ends, and the number of the first."""
    width = round_step((high - low) / max(cells - 1, 1))
    return width, math.floor(low / width)


def _make_cells(rows: Iterable[tuple[Any, ...]], width: float, first: int) -> list[StripCell]:
    by_cell: dict[int, list[Sequence[Any]]] = {}
    for row in rows:
        by_cell.setdefault(row[0], []).append(row[1:])
    return [_strip_cell((first + cell) * width, width, parts) for cell, parts in by_cell.items()]


_ROBOTS = select(robot.c.site, robot.c.robot).order_by(robot.c.site, robot.c.robot)
_FARTHEST = literal_column(repr(MAX_DISTANCE_M), Float)
_DISTANCE = case((verdict.c.distance_m.between(-_FARTHEST, _FARTHEST), verdict.c.distance_m))


@lru_cache(SHAPES)
def _spans(names: tuple[str, ...]) -> Executable:
    """Return the query of a robot's assets: how many verdicts have a pose, and the ends of pose and time."""
    ends = [end(column) for column in (_DISTANCE, verdict.c.observed_us) for end in (func.min, func.max)]
    return (
        select(verdict.c.asset, func.count(_DISTANCE), *ends)
        .where(*verdict_conditions(names))
        .group_by(verdict.c.asset)
    )


@lru_cache(SHAPES)
def _counts_by_asset(names: tuple[str, ...], number: int, has_none: bool, *, by_time: bool) -> Executable:
    """Return the query of a robot's counts for ``number`` assets, and none named, each in its grid."""
    marks: list[tuple[ColumnElement[bool], object]] = [
        (verdict.c.asset == bindparam(f"asset_{at}"), at) for at in range(number)
    ]
    if has_none:
        marks.append((verdict.c.asset.is_(None), "none"))
    width, first = (
        case(*((is_of, bindparam(f"{what}_{mark}", type_=kind)) for is_of, mark in marks))
        for what, kind in (("width", Float), ("first", Integer))
    )
    along, conditions = _along(names, by_time=by_time)
    cell = whole(along / width - first).label("cell")
    counts = (verdict.c.outcome, verdict.c.severity, func.count(), func.max(verdict.c.area_fraction))
    return (
        select(verdict.c.asset, cell, *counts)
        .where(*conditions, or_(*(is_of for is_of, _ in marks)))
        .group_by(verdict.c.asset, "cell", verdict.c.outcome, verdict.c.severity)
    )


def _along(names: tuple[str, ...], *, by_time: bool) -> tuple[ColumnElement[Any], list[ColumnElement[bool]]]:
    """Return what a strip runs along, and the conditions on its verdicts."""
    conditions = verdict_conditions(names)
    if by_time:
        return verdict.c.observed_us / literal_column("1e6", Float), conditions
    return verdict.c.distance_m, [*conditions, verdict.c.distance_m.between(-_FARTHEST, _FARTHEST)]


@lru_cache(SHAPES)
def _statements(names: tuple[str, ...], *, by_time: bool) -> tuple[Executable, Executable]:
    """Return the query of the two ends, and that of the counts."""
    along, conditions = _along(names, by_time=by_time)
    cell = whole(along / bindparam("width", type_=Float) - bindparam("first", type_=Integer)).label("cell")
    counts = (
        select(cell, verdict.c.outcome, verdict.c.severity, func.count(), func.max(verdict.c.area_fraction))
        .where(*conditions)
        .group_by("cell", verdict.c.outcome, verdict.c.severity)  # its values bound once
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


def round_step(width: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten, so that cells keep their places while a pass grows."""
    if width <= 0:
        return 0.01
    power = 10.0 ** math.floor(math.log10(width))
    return float(next(power * step for step in (1, 2, 5, 10) if power * step >= width * (1 - 1e-9)))
