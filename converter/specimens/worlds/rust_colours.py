"""Give rust the colours that it has in different air: fresh orange, ochre, red-brown, chocolate, black."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.plate import linear

if TYPE_CHECKING:
    from converter.specimens.noise import Field
    from converter.specimens.plate import Colours

# Young rust, sRGB; then what it ages to. By eye, from photographs under licences that allow it.
_YOUNG = (
    (214, 120, 48),
    (190, 104, 58),
    (206, 146, 70),
    (176, 108, 64),
    (160, 92, 70),
    (196, 132, 92),
    (150, 104, 78),
    (224, 150, 60),
)
_MIDDLE = (
    (150, 76, 40),
    (128, 72, 50),
    (164, 96, 44),
    (116, 64, 52),
    (140, 84, 62),
    (110, 84, 70),
    (120, 56, 38),
)
_OLD = (
    (74, 48, 40),
    (56, 42, 38),
    (92, 54, 40),
    (40, 34, 34),
    (84, 66, 58),
    (26, 24, 25),
    (104, 72, 56),
)
_LEVELS = 64


def choose_rust(rng: np.random.Generator) -> Colours:
    """Return the colours of one site's rust from young to old, linear BGR ``(64, 3)``."""
    anchors = np.stack(
        [linear(*colours[int(rng.integers(len(colours)))]) for colours in (_YOUNG, _MIDDLE, _OLD)]
    )
    anchors = anchors * rng.normal(1.0, 0.08, (3, 3)).astype(np.float32)
    # Some sites know young rust alone, others old rust alone.
    low, high = sorted(rng.uniform(-0.4, 1.4, 2))
    at = np.clip(np.linspace(min(low, 0.6), max(high, 0.4), _LEVELS), 0.0, 1.0) * 2.0
    table = np.stack([np.interp(at, [0, 1, 2], anchors[:, channel]) for channel in range(3)], axis=1)
    return np.clip(table, 0.003, 0.9).astype(np.float32)


def colour_rust(table: Colours, age: Field) -> Colours:
    """Return linear BGR of rust by ``age``, 0 to 1."""
    level = (np.clip(age, 0.0, 1.0) * (_LEVELS - 1)).astype(np.uint8)
    planes = [cv2.LUT(level, _as_lut(table[:, channel])) for channel in range(3)]
    return np.asarray(cv2.merge(planes), dtype=np.float32)


def _as_lut(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.full(256 - _LEVELS, values[-1], np.float32)]).astype(np.float32)
