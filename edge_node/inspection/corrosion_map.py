"""Estimate the corroded area of a picture from a head's map. Pure.

A map has a position for about every 32 pixels of the model's input, and most heads were trained on whole
pictures: the area is an estimate, and must be called so wherever it is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.inference.probabilities import label_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.inference.manifest import Stage

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
    chosen = corroded_labels(stage)
    if not chosen:
        raise ValueError(f"stage {stage.name}: none of {', '.join(stage.labels)} means corroded")
    probabilities = label_probabilities(stage, logits.astype(np.float32, copy=False))
    if stage.is_independent:
        corroded = probabilities[..., list(chosen)].max(axis=-1)
        uncorroded = 1 - corroded
    else:
        corroded = probabilities[..., list(chosen)].sum(axis=-1)
        others = [at for at in range(len(stage.labels)) if at not in chosen]
        uncorroded = probabilities[..., others].sum(axis=-1)  # 1 - corroded would round small values to 0
    odds = np.float32((1 - stage.map_threshold) / stage.map_threshold)
    return np.asarray(corroded * odds / (corroded * odds + uncorroded), dtype=np.float32)


def estimate_area(logits: NDArray[np.float32], stage: Stage) -> float:
    """Return the share of the picture, 0 to 1, that counts as corroded in the stage's map.

    Args:
        logits: the stage's map, ``(rows, columns, labels)``.
        stage: must have a label that means corroded.

    Raises:
        ValueError: no label of the stage means corroded.
    """
    rows, columns, labels = logits.shape
    size = (columns * FINER, rows * FINER)
    planes = [cv2.resize(logits[..., at], size, interpolation=cv2.INTER_LINEAR) for at in range(labels)]
    probability = corroded_probability(np.stack(planes, axis=-1, dtype=np.float32), stage)
    return float((probability >= CORRODED_FROM).mean())
