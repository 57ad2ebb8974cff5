"""Compute shares with intervals, precision and recall, confusion and calibration error. Pure.

Precision, recall and F-measure are as the thesis defines them, with *corroded* as the positive class:
precision = TP / (TP + FP), recall = TP / (TP + FN), F = 2 * precision * recall / (precision + recall).

SciPy and scikit-learn take over a second to import, so they are imported where they are called: ``--help``
and commands that evaluate nothing do not wait for them.
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
BOOTSTRAP_DRAWS = 1000
CALIBRATION_BINS = 10
NO_ANSWER = "-"  # column of a confusion table for abstentions


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the limits of its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Detection:
    """Precision, recall and F-measure of the class ``positive``."""

    positive: str
    precision: float
    recall: float
    f_measure: float


def wilson_interval(right: int, total: int) -> Interval:
    """Return a share with its Wilson interval; NaN without any trial.

    Pictures of one specimen are no independent trials and make it too narrow: see ``bootstrap_by_group``.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]  # no stubs in the wheel

    if total == 0:
        return Interval(math.nan, 0.0, 1.0)
    limits = binomtest(right, total).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(right / total, float(limits.low), float(limits.high))


def bootstrap_by_group(right: NDArray[Any], groups: Sequence[Hashable], *, seed: int = 0) -> Interval:
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


def measure_detection(truth: Sequence[str], predicted: Sequence[str | None], positive: str) -> Detection:
    """Return precision, recall and F-measure of ``positive``; NaN for 0 / 0.

    A picture without an answer (None) counts as not detected.
    """
    is_positive = np.array([label == positive for label in truth], bool)
    detected = np.array([label == positive for label in predicted], bool)
    true_positive = int((is_positive & detected).sum())
    precision = _ratio(true_positive, int(detected.sum()))
    recall = _ratio(true_positive, int(is_positive.sum()))
    return Detection(positive, precision, recall, _ratio(2 * precision * recall, precision + recall))


def count_confusions(
    truth: Sequence[Any] | NDArray[Any], predicted: Sequence[Any] | NDArray[Any], labels: Sequence[Any]
) -> NDArray[np.intp]:
    """Return the confusion matrix, ``(labels, labels)``: rows are the truth, columns the predictions."""
    from sklearn.metrics import confusion_matrix  # type: ignore[import-untyped]  # no stubs in the wheel

    return np.asarray(confusion_matrix(truth, predicted, labels=labels), np.intp)


def tabulate_confusions(truth: Sequence[str], predicted: Sequence[str | None]) -> dict[str, dict[str, int]]:
    """Return truth -> prediction -> pictures; a missing prediction is counted as ``NO_ANSWER``."""
    labels = sorted({*truth, *filter(None, predicted)})
    # One column more than needed at times: scikit-learn warns about a matrix of a single label.
    counts = count_confusions(truth, [label or NO_ANSWER for label in predicted], [*labels, NO_ANSWER])
    columns = [*labels, NO_ANSWER] if None in predicted else labels
    present = set(truth)
    return {
        label: {column: int(count) for column, count in zip(columns, row, strict=False)}
        for label, row in zip(labels, counts, strict=False)
        if label in present
    }


def bin_by_confidence(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[tuple[float, float, float], ...]:
    """Return mean confidence, accuracy and share of the pictures for each of ten equal bins of confidence.

    Empty bins are left out.

    Args:
        confidence: of the predicted label, ``(pictures,)``, 0 to 1.
        right: whether that label is the right one, ``(pictures,)``.
    """
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    filled = np.flatnonzero(counts)
    means, accuracies = (
        np.bincount(bins, weights=values, minlength=CALIBRATION_BINS)[filled] / counts[filled]
        for values in (confidence, right)
    )
    shares = counts[filled] / len(bins)
    return tuple(zip(means.tolist(), accuracies.tolist(), shares.tolist(), strict=True))


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, on average over bins.

    NaN without pictures. The arguments are those of ``bin_by_confidence``.
    """
    if not len(confidence):
        return math.nan
    return sum(share * abs(mean - hits) for mean, hits, share in bin_by_confidence(confidence, right))


def expected_calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    """Return the calibration error of the most probable labels.

    Args:
        probabilities: ``(pictures, labels)``.
        truth: index of the right label, ``(pictures,)``.
    """
    return calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)


def percent(share: float) -> str:
    """Return a share as a percentage, or a dash where there is none."""
    return "-" if math.isnan(share) else f"{100 * share:.2f} %"


def decimal(value: float) -> str:
    """Return a figure between 0 and 1, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.3f}"


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
