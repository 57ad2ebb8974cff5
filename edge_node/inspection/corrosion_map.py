"""Estimate the corroded area of a picture, and its nearest grade, from a head's map. Pure.

A map has a position for every 32 pixels or so of the model's input, and its heads were mostly trained on
whole pictures: area and grade are estimates, to be called that wherever they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.inference.probabilities import softmax
from edge_node.inspection.grades import astm_d610, iso_4628_3

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.inference.manifest import Stage

# Logits are interpolated by this factor per side: 7 x 7 positions alone would count in steps of 2 %.
_UPSAMPLING = 8
_THRESHOLD = 0.5  # from here on a position counts as corroded


@dataclass(frozen=True, slots=True)
class AreaEstimate:
    """How much of a picture is corroded, estimated from a coarse map.

    Attributes:
        fraction: 0 to 1.
        iso_4628_3: degree of rusting whose area is nearest by ratio, ``Ri 0`` to ``Ri 5``.
        astm_d610: rust grade whose range the area lies in, 10 (best) to 0.
    """

    fraction: float
    iso_4628_3: str
    astm_d610: int


def corroded_labels(stage: Stage) -> tuple[int, ...]:
    """Return the indices of the labels that mean corroded; empty where the stage does not tell."""
    meanings = [stage.meanings.get(label) for label in stage.labels]
    return tuple(at for at, meaning in enumerate(meanings) if meaning is not None and meaning.corroded)


def corroded_probability(logits: NDArray[np.float32], stage: Stage) -> NDArray[np.float32]:
    """Return the probability that each position is corroded.

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
    probabilities = softmax(logits.astype(np.float32, copy=False), stage.temperature)
    corroded = probabilities[..., list(chosen)].sum(axis=-1)
    others = [at for at in range(len(stage.labels)) if at not in chosen]
    uncorroded = probabilities[..., others].sum(axis=-1)  # 1 - corroded would round small values to 0
    odds = np.float32((1 - stage.map_threshold) / stage.map_threshold)
    return np.asarray(corroded * odds / (corroded * odds + uncorroded), dtype=np.float32)


def area_estimate(logits: NDArray[np.float32], stage: Stage) -> AreaEstimate:
    """Return the share of the picture where the stage's map says corroded rather than not.

    Args:
        logits: the stage's map, ``(rows, columns, labels)``.
        stage: must have a label that means corroded.

    Raises:
        ValueError: no label of the stage means corroded.
    """
    rows, columns, labels = logits.shape
    size = (columns * _UPSAMPLING, rows * _UPSAMPLING)
    planes = [cv2.resize(logits[..., at], size, interpolation=cv2.INTER_LINEAR) for at in range(labels)]
    probability = corroded_probability(np.stack(planes, axis=-1, dtype=np.float32), stage)
    fraction = float((probability >= _THRESHOLD).mean())
    return AreaEstimate(fraction, iso_4628_3(fraction), astm_d610(fraction))
