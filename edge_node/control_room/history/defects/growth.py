"""Tell how fast a defect grows, with an interval from the scatter of the verdicts within each pass. Pure.

A pass gives a mean with a standard error. What light, angle and distance do to all verdicts of one pass alike
does not show in that, so passes may differ by more: how much is not known and is averaged over, with what
the passes themselves say of it. Few passes say little, and the interval is wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta  # msgspec resolves annotations at run time
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MIN_PASSES = 3
_TAIL = 0.025
_STABLE_SHARE = 0.25  # of its size: a defect that surely changed less while it was watched is stable
_FEW_DEGREES = 4.0  # of freedom that the scatter of all passes lends to each
_BETWEEN = np.tan((np.arange(24) + 0.5) / 24 * math.pi / 2)  # half-Cauchy: quantiles of its scale
_ALIKE_SHARE = 0.4  # of the scatter: what all verdicts of a pass may share, as far as anybody knows before
_SINGLE_SCATTER, _LEAST_SCATTER = 0.3, 0.01  # of the value: no estimate of an area is better
_SCATTER = np.array([-1.6449, -0.6745, 0.0, 0.6745, 1.6449])  # normal quantiles of an uncertain variance
_LEAST_SIZE = 0.1  # of the largest pass: so large counts one in which nothing was measured
_FARTHEST_DAYS = 100 * 365.25
_DAY_S, _YEAR_DAYS = 86_400.0, 365.25


class Basis(str, Enum):
    """What is compared from pass to pass."""

    AREA_MM2 = "area_mm2"
    AREA_FRACTION = "area_fraction"
    SEVERITY = "severity"


class Trend(str, Enum):
    """What the interval says."""

    GROWING = "growing"  # it excludes zero
    SHRINKING = "shrinking"
    STABLE = "stable"  # what it allows is little
    NONE = "no trend"


@dataclass(frozen=True, slots=True)
class PassValue:
    """What one pass measured: the mean of its verdicts, their standard deviation and count."""

    at: datetime
    mean: float
    sd: float
    count: int


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """One pass as it counts for the trend."""

    at: datetime
    value: float
    standard_error: float
    verdicts: int


@dataclass(frozen=True, slots=True)
class Reach:
    """When a value is reached if it goes on like this: never a date alone."""

    limit: float
    earliest: datetime
    latest: datetime | None  # None: perhaps not within a hundred years


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The trend of one defect.

    Attributes:
        per_year: None without a trend; ``low`` and ``high`` are the 95 % interval.
        text: what it means, as a whole sentence.
        doubles: when it is twice as large as at its last pass; None unless it is growing.
    """

    basis: Basis | None = None
    trend: Trend = Trend.NONE
    per_year: float | None = None
    low: float | None = None
    high: float | None = None
    text: str = ""
    points: tuple[GrowthPoint, ...] = ()
    doubles: Reach | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line through the passes: level at the mean time and slope per day, with their uncertainty."""

    at: datetime
    level: float
    slope: float
    low: float
    high: float
    covariance: np.ndarray

    def value(self, at: datetime) -> float:
        """Return the value of the line at a time."""
        return self.level + self.slope * _days(at - self.at)

    def reach(self, limit: float, after: datetime) -> Reach | None:
        """Return when the line reaches a value; None unless it surely rises towards it."""
        if self.low <= 0 or limit <= self.value(after):
            return None
        width = (self.high - self.low) / 2 / math.sqrt(self.covariance[1, 1])

        def bound(days: float, side: float) -> float:
            row = np.array([1.0, days])
            return float(
                row @ [self.level, self.slope] + side * width * math.sqrt(row @ self.covariance @ row)
            )

        start = _days(after - self.at)
        earliest = _cross(lambda days: bound(days, 1.0), limit, start)
        latest = _cross(lambda days: bound(days, -1.0), limit, start)
        if earliest is None:
            return None
        return Reach(
            limit,
            self.at + timedelta(days=earliest),
            None if latest is None else self.at + timedelta(days=latest),
        )


def fit_line(values: Sequence[PassValue]) -> Line | None:
    """Fit a line with a 95 % interval; None for fewer than three passes, or passes at one time."""
    if len(values) < MIN_PASSES:
        return None
    middle = min(one.at for one in values)
    middle += sum((one.at - middle for one in values), timedelta()) / len(values)
    days = np.array([_days(one.at - middle) for one in values])
    span = float(days.max() - days.min())
    if span <= 0:
        return None
    scatter2, counts, degrees = _pool_scatter(values)
    means = np.array([one.mean for one in values])
    chances, centres, covariances = _fit_all(days / span, means, (scatter2, counts), degrees)
    mean = chances @ centres
    around = centres - mean
    covariance = np.einsum("g,gij->ij", chances, covariances) + np.einsum(
        "g,gi,gj->ij", chances, around, around
    )
    sds = np.sqrt(covariances[:, 1, 1])
    low, high = (_quantile(chances, centres[:, 1], sds, share) for share in (_TAIL, 1 - _TAIL))
    scale = np.diag([1.0, 1.0 / span])
    return Line(
        middle, float(mean[0]), float(mean[1]) / span, low / span, high / span, scale @ covariance @ scale
    )


def describe_growth(values: Sequence[PassValue], basis: Basis | None, why_not: str = "") -> Growth:
    """Return the growth that the passes of a defect show, oldest first, and what it means.

    Args:
        values: of the passes.
        basis: what was measured; None if passes cannot be compared.
        why_not: the reason for that.
    """
    values = sorted(values, key=lambda one: one.at)
    points = _list_points(values)
    if basis is None or len(values) < MIN_PASSES:
        return Growth(basis=basis, points=points, text=why_not or _too_few(len(values)))
    line = fit_line(values)
    if line is None:
        return Growth(basis=basis, points=points, text="No trend can be told: all passes are of one time.")
    trend = _judge(line, values)
    newest = values[-1].at
    doubles = line.reach(2 * line.value(newest), newest) if trend is Trend.GROWING else None
    return Growth(
        basis=basis,
        trend=trend,
        per_year=line.slope * _YEAR_DAYS,
        low=line.low * _YEAR_DAYS,
        high=line.high * _YEAR_DAYS,
        text=_describe(line, trend, basis, len(values), newest - values[0].at),
        points=points,
        doubles=doubles,
    )


def _list_points(values: Sequence[PassValue]) -> tuple[GrowthPoint, ...]:
    if not values:
        return ()
    scatter2, counts, _ = _pool_scatter(values)
    return tuple(
        GrowthPoint(one.at, one.mean, math.sqrt(error2), one.count)
        for one, error2 in zip(values, scatter2 / counts, strict=True)
    )


def _pool_scatter(values: Sequence[PassValue]) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the variance of single verdicts in each pass, the verdicts, and the degrees of freedom of all.

    The scatter of a pass is taken towards that of all, in shares of the mean: a few verdicts tell little.
    """
    degrees = np.array([max(one.count - 1, 0) for one in values], float)
    least = max(_LEAST_SIZE * max(abs(one.mean) for one in values), 1e-6)  # the least severity is 0
    sizes = np.array([max(abs(one.mean), least) for one in values])
    own2 = np.array([one.sd**2 for one in values])
    total = float(degrees.sum())
    # Where nothing was seen twice, what single verdicts of one place scatter by.
    shared2 = float((degrees * own2 / sizes**2).sum() / total) if total > 0 else _SINGLE_SCATTER**2
    shared2 = max(shared2, _LEAST_SCATTER**2)
    pooled2 = (degrees * own2 + _FEW_DEGREES * shared2 * sizes**2) / (degrees + _FEW_DEGREES)
    return pooled2, np.array([max(one.count, 1) for one in values], float), total


def _fit_all(
    times: np.ndarray, means: np.ndarray, scatter: tuple[np.ndarray, np.ndarray], degrees: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weight, level and slope, and their covariance for each guess at what is not known.

    That is by how much the true scatter differs from the one that was seen, and by how much passes differ.
    """
    scatter2, counts = scatter
    errors2 = scatter2 / counts
    between2 = max(float(np.median(errors2)), _ALIKE_SHARE**2 * float(np.median(scatter2)))
    factors, between = (grid.ravel() for grid in np.meshgrid(_spread(degrees), [0.0, *_BETWEEN]))
    variance = errors2 * factors[:, None] + (between**2 * between2)[:, None]  # guesses by passes
    rows = np.stack([np.ones_like(times), times], axis=1)
    normal = np.einsum("gp,pi,pj->gij", 1 / variance, rows, rows)
    covariance = np.linalg.inv(normal)
    found = np.einsum("gij,pj,gp,p->gi", covariance, rows, 1 / variance, means)
    off2 = (means - found @ rows.T) ** 2 / variance
    logs = -0.5 * (np.log(variance).sum(axis=1) + np.linalg.slogdet(normal)[1] + off2.sum(axis=1))
    chances = np.exp(logs - logs.max())
    return chances / chances.sum(), found, covariance


def _spread(degrees: float) -> np.ndarray:
    """Return factors of a variance that was estimated with so many degrees of freedom."""
    degrees = max(degrees, 2.0)
    part = 2.0 / (9.0 * degrees)  # chi-squared by Wilson and Hilferty
    return np.asarray(1.0 / np.maximum(1 - part + _SCATTER * math.sqrt(part), 0.2) ** 3)


def _quantile(chances: np.ndarray, centres: np.ndarray, sds: np.ndarray, share: float) -> float:
    """Return a quantile of a mixture of normal distributions."""
    low, high = float((centres - 60 * sds).min()), float((centres + 60 * sds).max())
    for _ in range(60):
        middle = (low + high) / 2
        below = float(chances @ _normal_share((middle - centres) / sds))
        low, high = (middle, high) if below < share else (low, middle)
    return (low + high) / 2


def _normal_share(z: np.ndarray) -> np.ndarray:
    """Return the normal distribution function, to 1e-7 (Abramowitz and Stegun 26.2.17)."""
    t = 1 / (1 + 0.2316419 * np.abs(z))
    powers = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    upper = np.exp(-0.5 * np.minimum(z**2, 1400.0)) / math.sqrt(2 * math.pi) * powers
    return np.asarray(np.where(z > 0, 1 - upper, upper))


def _cross(bound: Callable[[float], float], limit: float, start: float) -> float | None:
    """Return the first day from ``start`` on at which a rising bound reaches a limit."""
    if bound(start) >= limit:
        return start
    step = 1e-3
    while bound(start + step) < limit:
        step *= 2
        if step > _FARTHEST_DAYS:
            return None
    low, high = step / 2, step
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if bound(start + middle) < limit else (low, middle)
    return start + high


def _judge(line: Line, values: Sequence[PassValue]) -> Trend:
    if line.low > 0:
        return Trend.GROWING
    if line.high < 0:
        return Trend.SHRINKING
    watched = _days(values[-1].at - values[0].at)
    most = max(abs(line.low), abs(line.high)) * watched
    return Trend.STABLE if most <= _STABLE_SHARE * max(abs(line.level), 1e-9) else Trend.NONE


def _too_few(passes: int) -> str:
    if passes == 0:
        return "Nothing was measured that could grow."
    if passes == 1:
        return "One pass is no trend."
    return "Two passes are no trend: a third one tells growth from scatter."


def _describe(line: Line, trend: Trend, basis: Basis, passes: int, watched: timedelta) -> str:
    unit, days = _choose_unit(watched)
    amounts = [_amount(one * days, basis) for one in (line.slope, line.low, line.high)]
    rate = f"{amounts[0]} {unit} (95 %: {amounts[1]} to {amounts[2]}), from {passes} passes"
    if trend is Trend.GROWING:
        return f"Growing by {rate}."
    if trend is Trend.SHRINKING:
        return f"Getting smaller by {rate}: repaired, or seen otherwise?"
    if trend is Trend.STABLE:
        return f"Stable: {rate}."
    return f"No trend: {rate}; the interval includes zero and is wide."


def _choose_unit(watched: timedelta) -> tuple[str, float]:
    if watched >= timedelta(days=60):
        return "a year", _YEAR_DAYS
    if watched >= timedelta(days=2):
        return "a week", 7.0
    return ("a day", 1.0) if watched >= timedelta(hours=6) else ("an hour", 1 / 24)


def _amount(value: float, basis: Basis) -> str:
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    size = abs(value)
    if basis is Basis.AREA_MM2:
        return f"{sign}{float(f'{size:.3g}'):,.12g} mm²"
    if basis is Basis.AREA_FRACTION:
        return f"{sign}{100 * size:.2g} % of the picture"
    return f"{sign}{size:.2g} steps of severity"


def _days(span: timedelta) -> float:
    return span.total_seconds() / _DAY_S
