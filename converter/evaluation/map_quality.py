"""How well maps show where: against masks that say which pixels are corroded. Pure."""

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

_BINS = 1024  # of probability; an area under the curve is exact to about one part in so many
_PIXELS_PX = 128  # masks and maps are compared pixel by pixel at this size
_THRESHOLD = 0.5  # probability from which a position is said, and share from which it is, corroded


class MapFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How well the maps of some pictures show where; JSON of ``--json``.

    Attributes:
        source: whose pictures, or ``all``.
        pixel_auroc: chance that of a corroded and a sound pixel the corroded one is the more probable.
        iou: corroded positions that were found, of all that are or were said to be, over all pictures.
        area_error: mean difference between the corroded share that was said and the true one, without sign.
    """

    source: str
    pictures: int
    pixel_auroc: float
    iou: float
    area_error: float


def map_figures(answers: Sequence[JudgedSample]) -> tuple[MapFigures, ...]:
    """Return figures for all pictures that have both a map and a mask, and for each source of them."""
    seen = [
        (answer.sample.source, *pair) for answer in answers if (pair := _map_and_mask(answer)) is not None
    ]
    sources = sorted({source for source, _, _ in seen} - {""})
    found = [_figures(name, [(m, t) for source, m, t in seen if name in {"all", source}]) for name in sources]
    return (_figures("all", [(m, t) for _, m, t in seen]), *found) if seen else ()


def area_under_curve(positive: NDArray[np.int64], negative: NDArray[np.int64]) -> float:
    """Return the area under the ROC curve from histograms over rising scores; NaN without one of them."""
    pairs = float(positive.sum()) * float(negative.sum())
    below = np.concatenate([[0], np.cumsum(negative)[:-1]])
    return float((positive * (below + negative / 2)).sum() / pairs) if pairs else math.nan


def _map_and_mask(answer: JudgedSample) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    if answer.corroded_map is None or answer.sample.mask is None:
        return None
    mask = answer.sample.read_mask((_PIXELS_PX, _PIXELS_PX))
    if mask is None:
        return None
    return answer.corroded_map, mask.astype(np.float32) / np.float32(255)


def _figures(source: str, pairs: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> MapFigures:
    positive, negative = np.zeros(_BINS, np.int64), np.zeros(_BINS, np.int64)
    both = either = 0
    area_errors = []
    for found, mask in pairs:
        fine = cv2.resize(found, (_PIXELS_PX, _PIXELS_PX), interpolation=cv2.INTER_LINEAR)
        bins = np.clip((fine * _BINS).astype(int), 0, _BINS - 1)
        positive += np.bincount(bins[mask >= _THRESHOLD], minlength=_BINS)
        negative += np.bincount(bins[mask < _THRESHOLD], minlength=_BINS)
        share = cv2.resize(mask, (found.shape[1], found.shape[0]), interpolation=cv2.INTER_AREA)
        said, true = found >= _THRESHOLD, share >= _THRESHOLD
        both += int((said & true).sum())
        either += int((said | true).sum())
        area_errors.append(abs(float((fine >= _THRESHOLD).mean()) - float(mask.mean())))
    return MapFigures(
        source=source,
        pictures=len(pairs),
        pixel_auroc=area_under_curve(positive, negative),
        iou=both / either if either else math.nan,
        area_error=float(np.mean(area_errors)),
    )
