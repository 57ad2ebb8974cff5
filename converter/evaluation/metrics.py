"""What evaluation counts: right and wrong, how sure of that, and how well confidence matches. Pure.

Precision, recall and F-measure are as the thesis defines them, with *corroded* as the positive class:
precision = TP / (TP + FP), recall = TP / (TP + FN), F = 2 * precision * recall / (precision + recall).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

CONFIDENCE = 0.95
_Z = 1.959964  # the normal quantile of a two-sided 95 % interval
BOOTSTRAP_DRAWS = 1000
CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the range that holds the truth in 95 of 100 such samples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Detection:
    """Figures of a question with a positive class."""

    positive: str
    precision: float
    recall: float
    f_measure: float


def wilson(right: int, total: int) -> Interval:
    """Return a share with its Wilson interval; NaN without any trial.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    if total == 0:
        return Interval(math.nan, 0.0, 1.0)
    share = right / total
    denominator = 1 + _Z**2 / total
    centre = (share + _Z**2 / (2 * total)) / denominator
    half = _Z * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2)) / denominator
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def by_group(right: NDArray[Any], groups: Sequence[Hashable], *, seed: int = 0) -> Interval:
    """Return a share with the interval of a bootstrap that draws whole groups.

    Pictures of one specimen are right or wrong together, so an interval over pictures is too narrow.

    Args:
        right: 1 or 0 for each picture, ``(pictures,)``, or the difference of two such.
        groups: the specimen of each.
        seed: of the draws.
    """
    if not len(right):
        return Interval(math.nan, 0.0, 1.0)
    names = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    numbers = np.array([names[group] for group in groups])
    hits = np.bincount(numbers, weights=right, minlength=len(names))
    sizes = np.bincount(numbers, minlength=len(names))
    draws = np.random.default_rng(seed).integers(0, len(names), (BOOTSTRAP_DRAWS, len(names)))
    shares = hits[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(np.mean(right)), float(low), float(high))


def detection(truth: Sequence[str], said: Sequence[str | None], positive: str) -> Detection:
    """Return precision, recall and F-measure; a picture without an answer is one not found. NaN for 0 / 0."""
    pairs = list(zip(truth, said, strict=True))
    true_positive = sum(t == positive and s == positive for t, s in pairs)
    false_positive = sum(t != positive and s == positive for t, s in pairs)
    false_negative = sum(t == positive and s != positive for t, s in pairs)
    precision = _ratio(true_positive, true_positive + false_positive)
    recall = _ratio(true_positive, true_positive + false_negative)
    return Detection(positive, precision, recall, _ratio(2 * precision * recall, precision + recall))


def crossover(truth: Sequence[str], said: Sequence[str | None]) -> dict[str, dict[str, int]]:
    """Return truth -> answer -> pictures; no answer is counted as ``-``."""
    answers = sorted({*truth, *filter(None, said)})
    columns = [*answers, *(["-"] if None in said else [])]
    table = {name: dict.fromkeys(columns, 0) for name in sorted(set(truth))}
    for name, answer in zip(truth, said, strict=True):
        table[name][answer or "-"] += 1
    return table


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten equal bins; NaN without pictures."""
    if not len(confidence):
        return math.nan
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(confidence[bins == number].mean() - right[bins == number].mean()) * np.mean(bins == number)
        for number in np.unique(bins)
    ]
    return float(sum(gaps))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
