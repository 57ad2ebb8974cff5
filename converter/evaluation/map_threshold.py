"""Fit the probability from which a position of a map counts as corroded, on masks.

A head trained on whole pictures must call a whole picture corroded for a small spot, so at a threshold of one
half nearly all of its map is corroded. With masks, the threshold is fitted for the greatest intersection over
union. It changes the area and the outline that the node publishes, and no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from converter.data.mask_values import UNKNOWN_VALUE, find_corroded
from converter.data.stage_truth import UNKNOWN
from converter.progress import part_of
from edge_node.inference.bundle import with_manifest
from edge_node.inference.preprocess import input_tensor
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.evaluation.labelled_set import LabelledSet
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.engine import Engine
    from edge_node.inference.manifest import Stage

MAX_PICTURES = 400  # more pictures change only the third digit of the threshold
MIN_PICTURES = 20
_FOLDS = 5
_COMPARED_PX = 64  # side to which maps and masks are resized before they are compared
_LOG_ODDS = np.linspace(-12.0, 12.0, 481)  # candidate thresholds, as dense near 0 and 1 as at one half
_HALF = len(_LOG_ODDS) // 2  # index of log odds 0, a probability of one half


@dataclass(frozen=True, slots=True)
class MapFit:
    """A fitted threshold, and its gain on specimens that had no part in choosing it.

    Attributes:
        threshold: probability from which a position counts as corroded.
        pictures: with masks.
        iou: intersection over union of corroded pixels at one half, and at the threshold.
        area_error: mean absolute error of the corroded share at one half, and at the threshold.
    """

    threshold: float
    pictures: int
    iou: tuple[float, float]
    area_error: tuple[float, float]


@dataclass(frozen=True, slots=True)
class MapCounts:
    """Histograms of pixels over the intervals of ``_LOG_ODDS``, each ``(pictures, intervals)``."""

    corroded: NDArray[np.int64]
    uncorroded: NDArray[np.int64]


def fit_maps(
    engine: Engine, labelled: LabelledSet, report: Callable[[float], None] = lambda _share: None
) -> dict[str, MapFit]:
    """Fit a threshold for every stage whose map is better with another one than one half.

    Args:
        engine: of the bundle, whose temperatures are fitted.
        labelled: pictures, some of them with masks.
        report: called with the share of the pictures that is judged, 0 to 1.
    """
    found = {}
    stages = [s for s in engine.bundle.manifest.cascade.stages if s.map is not None and corroded_labels(s)]
    for at, stage in enumerate(stages):
        samples = _with_masks(labelled, stage)
        if len(samples) < MIN_PICTURES:
            continue
        groups = [sample.specimen for sample in samples]
        part = part_of(report, at / len(stages), (at + 1) / len(stages))
        fit = fit_threshold(_count_pixels(engine, stage, samples, part), groups)
        if fit is not None:
            found[stage.name] = fit
    return found


def with_map_thresholds(bundle: Bundle, fits: Mapping[str, MapFit]) -> Bundle:
    """Return the bundle with the fitted map thresholds."""
    if not fits:
        return bundle
    stages = tuple(
        msgspec.structs.replace(stage, map_threshold=fits[stage.name].threshold)
        if stage.name in fits
        else stage
        for stage in bundle.manifest.cascade.stages
    )
    cascade = msgspec.structs.replace(bundle.manifest.cascade, stages=stages)
    return with_manifest(bundle, msgspec.structs.replace(bundle.manifest, cascade=cascade))


def fit_threshold(counts: MapCounts, groups: Sequence[str]) -> MapFit | None:
    """Fit the threshold and test it on specimens held out in turn; None where one half is as good there."""
    from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]  # no stubs in the wheel

    pictures = len(groups)
    if len(set(groups)) < _FOLDS or not counts.corroded.any() or not counts.uncorroded.any():
        return None
    chosen = np.full(pictures, _HALF)
    for train, held_out in GroupKFold(_FOLDS).split(groups, groups=list(groups)):
        chosen[held_out] = _best_threshold(
            counts.corroded[train].sum(axis=0), counts.uncorroded[train].sum(axis=0)
        )
    plain = np.full(pictures, _HALF)
    iou = _iou(counts, plain), _iou(counts, chosen)
    area_error = _area_error(counts, plain), _area_error(counts, chosen)
    if iou[1] <= iou[0] or area_error[1] > area_error[0]:  # the area is what the node publishes
        return None
    best = _best_threshold(counts.corroded.sum(axis=0), counts.uncorroded.sum(axis=0))
    return MapFit(
        threshold=float(1 / (1 + np.exp(-_LOG_ODDS[best]))),
        pictures=pictures,
        iou=iou,
        area_error=area_error,
    )


def _with_masks(labelled: LabelledSet, stage: Stage) -> list[Sample]:
    """Return the pictures with masks that a stage applies to, evenly thinned to ``MAX_PICTURES``."""
    known = labelled.truth[stage.name] != UNKNOWN
    samples = [s for s, asked in zip(labelled.samples, known, strict=True) if asked and s.mask is not None]
    every = max(1, -(-len(samples) // MAX_PICTURES))
    return samples[::every]


def _count_pixels(
    engine: Engine, stage: Stage, samples: Sequence[Sample], report: Callable[[float], None]
) -> MapCounts:
    """Run the stage on the pictures and count their pixels by predicted log odds and by mask."""
    model = engine.bundle.manifest.model(stage.model)
    corroded: list[NDArray[np.int64]] = []
    uncorroded: list[NDArray[np.int64]] = []
    for number, sample in enumerate(samples, 1):
        pixels = sample.read()
        logits = engine.outputs(model.file, input_tensor(pixels, model.input))[str(stage.map)][0]
        probability = np.clip(corroded_probability(logits, stage), 1e-7, 1 - 1e-7)
        size = (_COMPARED_PX, _COMPARED_PX)
        fine = cv2.resize(np.log(probability / (1 - probability)), size, interpolation=cv2.INTER_LINEAR)
        mask = sample.read_mask((*size, 1))
        if mask is None:
            raise AssertionError(f"{sample.path} was chosen for its mask")
        interval = np.digitize(fine, _LOG_ODDS)
        for counted, pixel in ((corroded, find_corroded(mask)), (uncorroded, mask < UNKNOWN_VALUE)):
            counted.append(np.bincount(interval[pixel], minlength=len(_LOG_ODDS) + 1))
        report(number / len(samples))
    return MapCounts(np.array(corroded), np.array(uncorroded))


def _count_above(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of pixels at or above each of ``_LOG_ODDS``, on the last axis."""
    return np.asarray(counts[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:])


def _best_threshold(corroded: NDArray[np.int64], uncorroded: NDArray[np.int64]) -> int:
    """Return the index of the threshold with the greatest intersection over union."""
    return int((_count_above(corroded) / (corroded.sum() + _count_above(uncorroded))).argmax())


def _iou(counts: MapCounts, chosen: NDArray[np.int64]) -> float:
    """Return the intersection over union of all pictures, each at its own index of a threshold."""
    right, wrong = (
        int(_take(_count_above(part), chosen).sum()) for part in (counts.corroded, counts.uncorroded)
    )
    return right / (int(counts.corroded.sum()) + wrong)


def _area_error(counts: MapCounts, chosen: NDArray[np.int64]) -> float:
    """Return the mean absolute error of the corroded share, each picture at its own index of a threshold."""
    predicted = _take(_count_above(counts.corroded) + _count_above(counts.uncorroded), chosen)
    true = counts.corroded.sum(axis=1)
    known = np.maximum(true + counts.uncorroded.sum(axis=1), 1)
    return float((np.abs(predicted - true) / known).mean())


def _take(values: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``values[picture, chosen[picture]]`` for every picture."""
    return np.asarray(np.take_along_axis(values, chosen[:, np.newaxis], axis=1)[:, 0])
