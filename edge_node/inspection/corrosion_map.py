"""Estimate the corroded area of a picture from a head's map. Pure.

A map has a position for about every 32 pixels of the model's input, and most heads were trained on whole
pictures: the area is an estimate, and must be called so wherever it is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.inference.probabilities import sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.inference.manifest import Stage
    from edge_node.view.counted_pixels import CountedPixels

# A map of 7 x 7 positions counts in steps of 2 %, so it is interpolated to so many times as many.
FINER = 8
CORRODED_FROM = 0.5  # probability from which on a position counts as corroded


def corroded_labels(stage: Stage) -> tuple[int, ...]:
    """Return the indices of the labels that mean corroded; empty if the stage does not predict corrosion."""
    meanings = [stage.meanings.get(label) for label in stage.labels]
    return tuple(at for at, meaning in enumerate(meanings) if meaning is not None and meaning.corroded)


def corroded_probability(logits: NDArray[np.float32], stage: Stage) -> NDArray[np.float32]:
    """Return the probability of corrosion at each position of a map.

    Args:
        logits: the stage's map, ``(rows, columns, labels)``.
        stage: must have a label that means corroded.

    Returns:
        float32 ``(rows, columns)``, 0 to 1, rescaled so that the stage's ``map_threshold`` becomes one half:
        readers of maps need not know the threshold.

    Raises:
        ValueError: no label of the stage means corroded.
    """
    planes = np.ascontiguousarray(logits.astype(np.float32, copy=False).transpose(2, 0, 1))
    return _combine(planes, stage)


def estimate_area(logits: NDArray[np.float32], stage: Stage, counted: CountedPixels | None = None) -> float:
    """Return the share of the picture, 0 to 1, that is corroded in the stage's map.

    Args:
        logits: the stage's map, ``(rows, columns, labels)``.
        stage: must have a label that means corroded.
        counted: the pixels that count; None for all.

    Raises:
        ValueError: no label of the stage means corroded.
    """
    rows, columns, labels = logits.shape
    size = (columns * FINER, rows * FINER)
    planes = [cv2.resize(logits[..., at], size, interpolation=cv2.INTER_LINEAR) for at in range(labels)]
    return share_of(_combine(np.stack(planes, dtype=np.float32), stage) >= CORRODED_FROM, counted)


def share_of(corroded: NDArray[np.bool_], counted: CountedPixels | None) -> float:
    """Return the share of a map that is true; of the pixels that count, if not all do."""
    if counted is None:
        return float(corroded.mean())
    weights = counted.shares(*corroded.shape)
    return float(weights[corroded].sum(dtype=np.float64) / weights.sum(dtype=np.float64))


def _combine(planes: NDArray[np.float32], stage: Stage) -> NDArray[np.float32]:
    """Return the probability of corrosion from a plane of logits for each label, ``(labels, rows, columns)``.

    Whole planes are added and compared: over a last axis of two labels NumPy takes six times as long.
    """
    chosen = corroded_labels(stage)
    if not chosen:
        raise ValueError(f"stage {stage.name}: none of {', '.join(stage.labels)} means corroded")
    odds = np.float32((1 - stage.map_threshold) / stage.map_threshold)
    if stage.is_independent:
        corroded = sigmoid(planes[list(chosen)], stage.temperature).max(axis=0)
        uncorroded = 1 - corroded
    else:
        powers = np.exp((planes - planes.max(axis=0)) / stage.temperature)
        others = [at for at in range(len(planes)) if at not in chosen]
        corroded = powers[list(chosen)].sum(axis=0)
        uncorroded = powers[others].sum(axis=0)  # 1 - corroded would round small values to 0
    corroded = corroded * odds
    return np.asarray(corroded / (corroded + uncorroded), dtype=np.float32)
