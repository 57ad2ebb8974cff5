"""From which probability on a position of a map counts as corroded, fitted on masks.

A head that learned from whole pictures has to call a whole picture corroded for a small spot, so at one half
its map calls nearly everything corroded. Where there are masks, the threshold is the one at which what the
map calls corroded is most like them; it moves what the node publishes as area and draws as a line, and no
verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]  # no stubs in the wheel

from converter.data.stage_truth import UNKNOWN
from edge_node.inference.bundle import with_manifest
from edge_node.inference.preprocess import input_tensor
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.evaluation.labelled_set import LabelledSet
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.engine import Engine
    from edge_node.inference.manifest import Stage

MAX_PICTURES = 400  # more change the threshold in its third digit
MIN_PICTURES = 20
_FOLDS = 5
_PIXELS_PX = 64  # maps and masks are compared at this size
_LOG_ODDS = np.linspace(-12.0, 12.0, 481)  # thresholds that are tried: near 0 and 1 as finely as at one half
_HALF = len(_LOG_ODDS) // 2  # log odds of 0: one half


@dataclass(frozen=True, slots=True)
class MapFit:
    """A fitted threshold, and what it brings on specimens that had no part in choosing it.

    Attributes:
        threshold: probability from which a position counts as corroded.
        pictures: with masks.
        iou: corroded pixels found, of all that are or were said to be: at one half, and at the threshold.
        area_error: mean distance of the corroded share from the true one, likewise.
    """

    threshold: float
    pictures: int
    iou: tuple[float, float]
    area_error: tuple[float, float]


@dataclass(frozen=True, slots=True)
class MapCounts:
    """Pixels by the interval of ``_LOG_ODDS`` that their probability lies in, ``(pictures, intervals)``."""

    corroded: NDArray[np.int64]
    sound: NDArray[np.int64]


def fit_maps(engine: Engine, labelled: LabelledSet) -> dict[str, MapFit]:
    """Return a threshold for every stage whose map a better one than one half was found for.

    Args:
        engine: of the bundle, its temperatures fitted.
        labelled: pictures, some of them with masks.
    """
    found = {}
    for stage in engine.bundle.manifest.cascade.stages:
        if stage.map is None or not corroded_labels(stage):
            continue
        samples = _with_masks(labelled, stage)
        if len(samples) < MIN_PICTURES:
            continue
        groups = [sample.group or str(sample.path) for sample in samples]
        fit = fit_threshold(_counts(engine, stage, samples), groups)
        if fit is not None:
            found[stage.name] = fit
    return found


def with_map_thresholds(bundle: Bundle, fits: Mapping[str, MapFit]) -> Bundle:
    """Return a bundle whose stages have the fitted thresholds."""
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
    """Return the threshold, judged by specimens held out in turn; None where one half does as well there."""
    pictures = len(groups)
    if len(set(groups)) < _FOLDS or not counts.corroded.any() or not counts.sound.any():
        return None
    chosen = np.full(pictures, _HALF)
    for train, held_out in GroupKFold(_FOLDS).split(groups, groups=list(groups)):
        chosen[held_out] = _best(counts.corroded[train].sum(axis=0), counts.sound[train].sum(axis=0))
    plain = np.full(pictures, _HALF)
    iou = _iou(counts, plain), _iou(counts, chosen)
    area_error = _area_error(counts, plain), _area_error(counts, chosen)
    if iou[1] <= iou[0] or area_error[1] > area_error[0]:  # the area is what the node publishes
        return None
    best = _best(counts.corroded.sum(axis=0), counts.sound.sum(axis=0))
    return MapFit(
        threshold=float(1 / (1 + np.exp(-_LOG_ODDS[best]))),
        pictures=pictures,
        iou=iou,
        area_error=area_error,
    )


def _with_masks(labelled: LabelledSet, stage: Stage) -> list[Sample]:
    """Return pictures with masks that the stage is asked about, evenly chosen where there are many."""
    known = labelled.truth[stage.name] != UNKNOWN
    samples = [s for s, asked in zip(labelled.samples, known, strict=True) if asked and s.mask is not None]
    every = max(1, -(-len(samples) // MAX_PICTURES))
    return samples[::every]


def _counts(engine: Engine, stage: Stage, samples: Sequence[Sample]) -> MapCounts:
    model = engine.bundle.manifest.model(stage.model)
    corroded: list[NDArray[np.int64]] = []
    sound: list[NDArray[np.int64]] = []
    for sample in samples:
        pixels = sample.read()
        logits = engine.outputs(model.file, input_tensor(pixels, model.input))[str(stage.map)][0]
        probability = np.clip(corroded_probability(logits, stage), 1e-7, 1 - 1e-7)
        size = (_PIXELS_PX, _PIXELS_PX)
        fine = cv2.resize(np.log(probability / (1 - probability)), size, interpolation=cv2.INTER_LINEAR)
        mask = sample.read_mask((*size, 1))
        if mask is None:
            raise AssertionError(f"{sample.path} was chosen for its mask")
        interval = np.digitize(fine, _LOG_ODDS)
        for counted, pixel in ((corroded, mask > 127), (sound, mask <= 127)):
            counted.append(np.bincount(interval[pixel], minlength=len(_LOG_ODDS) + 1))
    return MapCounts(np.array(corroded), np.array(sound))


def _said(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many pixels lie at or above each of ``_LOG_ODDS``, on the last axis."""
    return np.asarray(counts[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:])


def _best(corroded: NDArray[np.int64], sound: NDArray[np.int64]) -> int:
    """Return the index of the threshold with the greatest intersection over union."""
    return int((_said(corroded) / (corroded.sum() + _said(sound))).argmax())


def _iou(counts: MapCounts, chosen: NDArray[np.int64]) -> float:
    found, wrongly = (int(_at(_said(part), chosen).sum()) for part in (counts.corroded, counts.sound))
    return found / (int(counts.corroded.sum()) + wrongly)


def _area_error(counts: MapCounts, chosen: NDArray[np.int64]) -> float:
    said = _at(_said(counts.corroded) + _said(counts.sound), chosen)
    true = counts.corroded.sum(axis=1)
    return float((np.abs(said - true) / (true + counts.sound.sum(axis=1))).mean())


def _at(values: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(np.take_along_axis(values, chosen[:, np.newaxis], axis=1)[:, 0])
