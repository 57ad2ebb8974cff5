"""Measure corrosion maps against masks of the corroded pixels: AUROC, IoU and area. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.evaluation.judge import JudgedSample

_BINS = 1024  # of probability: the area under the curve is exact to about 1/1024
_COMPARED_PX = 128  # side to which masks and maps are resized before pixels are compared
_THRESHOLD = 0.5  # of a map's probability, and of a mask's corroded share, to count as corroded


class MapFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How well the maps of some pictures match their masks; JSON of ``--json``.

    Attributes:
        source: of the pictures, or ``all``.
        pixel_auroc: probability that a corroded pixel is ranked above an uncorroded one.
        iou: intersection over union of predicted and true corroded positions, over all pictures.
        area_error: mean absolute difference between the predicted and the true corroded share.
    """

    source: str
    pictures: int
    pixel_auroc: float
    iou: float
    area_error: float


def measure_maps(judged: Sequence[JudgedSample]) -> tuple[MapFigures, ...]:
    """Measure all pictures that have both a map and a mask, and those of each source."""
    pairs = [(one.sample.source, pair) for one in judged if (pair := _map_and_mask(one)) is not None]
    if not pairs:
        return ()
    sources = sorted({source for source, _ in pairs} - {""})
    of_sources = [_measure(name, [pair for source, pair in pairs if source == name]) for name in sources]
    return (_measure("all", [pair for _, pair in pairs]), *of_sources)


def area_under_curve(positive: NDArray[np.int64], negative: NDArray[np.int64]) -> float:
    """Return the area under the ROC curve from histograms over rising scores; NaN if one is empty."""
    pairs = float(positive.sum()) * float(negative.sum())
    below = np.concatenate([[0], np.cumsum(negative)[:-1]])
    return float((positive * (below + negative / 2)).sum() / pairs) if pairs else math.nan


def _map_and_mask(judged: JudgedSample) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    if judged.corroded_map is None or judged.sample.mask is None:
        return None
    mask = judged.sample.read_mask((_COMPARED_PX, _COMPARED_PX))
    if mask is None:
        return None
    return judged.corroded_map, mask.astype(np.float32) / np.float32(255)


def _measure(source: str, pairs: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> MapFigures:
    positive, negative = np.zeros(_BINS, np.int64), np.zeros(_BINS, np.int64)
    both = either = 0
    area_errors = []
    for predicted, mask in pairs:
        fine = cv2.resize(predicted, (_COMPARED_PX, _COMPARED_PX), interpolation=cv2.INTER_LINEAR)
        bins = np.clip((fine * _BINS).astype(int), 0, _BINS - 1)
        positive += np.bincount(bins[mask >= _THRESHOLD], minlength=_BINS)
        negative += np.bincount(bins[mask < _THRESHOLD], minlength=_BINS)
        share = cv2.resize(mask, (predicted.shape[1], predicted.shape[0]), interpolation=cv2.INTER_AREA)
        positions, true = predicted >= _THRESHOLD, share >= _THRESHOLD
        both += int((positions & true).sum())
        either += int((positions | true).sum())
        area_errors.append(abs(float((fine >= _THRESHOLD).mean()) - float(mask.mean())))
    return MapFigures(
        source=source,
        pictures=len(pairs),
        pixel_auroc=area_under_curve(positive, negative),
        iou=both / either if either else math.nan,
        area_error=float(np.mean(area_errors)),
    )
