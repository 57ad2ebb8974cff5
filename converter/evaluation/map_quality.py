"""Measure corrosion maps against masks of the corroded pixels: AUROC, IoU and area. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from converter.data.mask_values import find_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.evaluation.judge import JudgedSample

_BINS = 1024  # of probability: the area under the curve is exact to about 1/1024
_COMPARED_PX = 128  # side to which masks and maps are resized before pixels are compared
_LEAST_KNOWN = 0.5  # share of a position's pixels that somebody labelled, to be counted
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
    pairs = [(one.sample.source, pair) for one in judged if (pair := _pair_with_mask(one)) is not None]
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


@dataclass(frozen=True, slots=True)
class _Pair:
    """A predicted map, and a mask with the pixels of it that somebody labelled."""

    predicted: NDArray[np.float32]
    mask: NDArray[np.float32]
    known: NDArray[np.bool_]


def _pair_with_mask(judged: JudgedSample) -> _Pair | None:
    """Return the map of a picture with its mask; None where one is missing or the mask tells nothing."""
    if judged.corroded_map is None or judged.sample.mask is None:
        return None
    mask = judged.sample.read_mask((_COMPARED_PX, _COMPARED_PX))
    if mask is None:
        return None
    known = ~find_unknown(mask)
    corroded = np.where(known, mask, 0).astype(np.float32) / np.float32(255)
    return _Pair(judged.corroded_map, corroded, known) if known.any() else None


def _measure(source: str, pairs: Sequence[_Pair]) -> MapFigures:
    positive, negative = np.zeros(_BINS, np.int64), np.zeros(_BINS, np.int64)
    both = either = 0
    area_errors = []
    for pair in pairs:
        predicted, mask, known = pair.predicted, pair.mask, pair.known
        fine = cv2.resize(predicted, (_COMPARED_PX, _COMPARED_PX), interpolation=cv2.INTER_LINEAR)
        bins = np.clip((fine * _BINS).astype(int), 0, _BINS - 1)
        positive += np.bincount(bins[known & (mask >= _THRESHOLD)], minlength=_BINS)
        negative += np.bincount(bins[known & (mask < _THRESHOLD)], minlength=_BINS)
        size = predicted.shape[1], predicted.shape[0]
        seen = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        share = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) / np.maximum(seen, _LEAST_KNOWN)
        counted = seen >= _LEAST_KNOWN
        positions, true = counted & (predicted >= _THRESHOLD), counted & (share >= _THRESHOLD)
        both += int((positions & true).sum())
        either += int((positions | true).sum())
        area_errors.append(abs(float((fine >= _THRESHOLD)[known].mean()) - float(mask[known].mean())))
    return MapFigures(
        source=source,
        pictures=len(pairs),
        pixel_auroc=area_under_curve(positive, negative),
        iou=both / either if either else math.nan,
        area_error=float(np.mean(area_errors)),
    )
