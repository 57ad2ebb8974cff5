"""Maps of a head -> where it saw corrosion, how much of the picture that is, the grade nearest to it. Pure.

A map has a position for every 32 pixels or so of the model's input, and its heads were mostly trained on
whole pictures: area and grade are estimates, to be called that wherever they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_node.inference.manifest import Stage

# A map of 7 x 7 positions counts in steps of 2 %; between positions its logits are interpolated so finely.
_FINER = 8
_THRESHOLD = 0.5  # from here on a position counts as corroded
# ISO 4628-3:2016, table 1: rusted area in percent. These are points on a scale that grows by factors, so the
# nearest is the one by ratio; what is below half of the first counts as none.
_ISO_PERCENT = ((1, 0.05), (2, 0.5), (3, 1.0), (4, 8.0), (5, 45.0))  # Ri 5 is 40 to 50 %
# ASTM D610, table 1: rust grade by the largest rusted area in percent that it allows.
_ASTM_PERCENT = (
    (10, 0.01),
    (9, 0.03),
    (8, 0.1),
    (7, 0.3),
    (6, 1.0),
    (5, 3.0),
    (4, 10.0),
    (3, 16.0),
    (2, 33.0),
    (1, 50.0),
)
_TEXT_HEIGHT_SHARE = 0.045  # of the picture's height, per line
_TINT_BGR = (255, 40, 160)  # violet: no rust and no metal has it
_TINT_OPACITY = 0.4  # what is below must stay to be judged by eye


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
    """Return how probably each position is corroded.

    Args:
        logits: the stage's map, ``(rows, columns, labels)``.
        stage: must have a label that means corroded.

    Returns:
        float32 ``(rows, columns)``, 0 to 1; one half where the stage's ``map_threshold`` is reached, which
        every reader of maps then has without knowing of it.

    Raises:
        ValueError: no label of the stage means corroded.
    """
    chosen = corroded_labels(stage)
    if not chosen:
        raise ValueError(f"stage {stage.name}: none of {', '.join(stage.labels)} means corroded")
    scaled = (logits - logits.max(axis=-1, keepdims=True)) / stage.temperature
    powers = np.exp(scaled, dtype=np.float32)
    corroded = powers[..., list(chosen)].sum(axis=-1)
    others = [at for at in range(len(stage.labels)) if at not in chosen]
    sound = powers[..., others].sum(axis=-1)  # not one less the other, which would round away what is small
    odds = np.float32((1 - stage.map_threshold) / stage.map_threshold)
    return np.asarray(corroded * odds / (corroded * odds + sound), dtype=np.float32)


def area_estimate(logits: NDArray[np.float32], stage: Stage) -> AreaEstimate:
    """Return the share of the picture where the stage's map says corroded rather than not.

    Args:
        logits: the stage's map, ``(rows, columns, labels)``.
        stage: must have a label that means corroded.

    Raises:
        ValueError: no label of the stage means corroded.
    """
    rows, columns, labels = logits.shape
    size = (columns * _FINER, rows * _FINER)
    planes = [cv2.resize(logits[..., at], size, interpolation=cv2.INTER_LINEAR) for at in range(labels)]
    probability = corroded_probability(np.stack(planes, axis=-1, dtype=np.float32), stage)
    fraction = float((probability >= _THRESHOLD).mean())
    return AreaEstimate(fraction, iso_4628_3(fraction), astm_d610(fraction))


def iso_4628_3(fraction: float) -> str:
    """Return the degree of rusting whose area is nearest to ``fraction`` by ratio.

    Source: ISO 4628-3:2016, table 1.
    """
    percent = 100.0 * fraction
    if percent < _ISO_PERCENT[0][1] / 2:
        return "Ri 0"
    degree, _ = min(_ISO_PERCENT, key=lambda point: abs(np.log(percent / point[1])))
    return f"Ri {degree}"


def astm_d610(fraction: float) -> int:
    """Return the rust grade whose range ``fraction`` lies in; the upper bound belongs to the grade.

    Source: ASTM D610, table 1.
    """
    percent = 100.0 * fraction
    return next((grade for grade, bound in _ASTM_PERCENT if percent <= bound), 0)


def draw_overlay(
    pixels: NDArray[np.uint8], probability: NDArray[np.float32] | None, lines: Sequence[str]
) -> NDArray[np.uint8]:
    """Return a copy of a picture with the map laid over it and lines of text below.

    Args:
        pixels: uint8 ``(height, width, 3)``, blue, green, red.
        probability: float32 ``(rows, columns)``, 0 to 1, or None to draw no map.
        lines: what to write; ASCII, for OpenCV's font has no other characters.

    Returns:
        uint8 ``(height + text, width, 3)``.
    """
    height, width = pixels.shape[:2]
    picture = pixels if probability is None else _heated(pixels, probability)
    line_px = max(14, round(height * _TEXT_HEIGHT_SHARE))
    strip = np.full((line_px * len(lines) + line_px // 2, width, 3), 24, np.uint8)
    for at, line in enumerate(lines, start=1):
        _write(strip, line, at * line_px, line_px)
    return np.vstack([picture, strip]) if lines else picture.copy()


def _heated(pixels: NDArray[np.uint8], probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Tint the picture where corrosion is probable, and draw the line around what counts as corroded."""
    height, width = pixels.shape[:2]
    smooth = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
    opacity = np.clip(smooth * 2 - 0.5, 0, 1) * np.float32(_TINT_OPACITY)
    # OpenCV blends byte by byte; numpy would hold the picture several times over as float64.
    tint = np.full_like(pixels, _TINT_BGR)
    tinted = cv2.blendLinear(pixels, tint, 1 - opacity, opacity)
    inside = (smooth >= _THRESHOLD).astype(np.uint8)
    edges, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(tinted, edges, -1, _TINT_BGR, max(1, height // 240)), np.uint8)


def _write(strip: NDArray[np.uint8], line: str, baseline_px: int, line_px: int) -> None:
    """Write one line, smaller where it would not fit."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    (full_px, _), _ = cv2.getTextSize(line, font, 1.0, 1)
    scale = min(line_px / 36, (strip.shape[1] - 8) / max(full_px, 1))
    cv2.putText(strip, line, (4, baseline_px), font, scale, (235, 235, 235), 1, cv2.LINE_AA)
