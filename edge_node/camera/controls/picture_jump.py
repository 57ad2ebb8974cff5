"""Tell whether a picture's brightness or colour jumped while a camera's controls were locked.

A camera may report a value and expose with another. Only the picture shows it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EVERY_PX = 16  # every 16th pixel of every 16th row: 1,200 of 640 x 480
_BRIGHTNESS = 1.5  # a robot that drives sees other surfaces: less than this need not be the camera
_COLOUR = 1.2


def measure_colour(pixels: NDArray[np.uint8]) -> tuple[float, ...]:
    """Return the mean of each channel: blue, green, red."""
    sample = pixels[::_EVERY_PX, ::_EVERY_PX]
    return tuple(float(value) for value in sample.mean(axis=(0, 1)))


def describe_jump(before: tuple[float, ...], after: tuple[float, ...]) -> list[str]:
    """Return a sentence if the picture jumped, else nothing."""
    ratios = [(new + 1) / (old + 1) for old, new in zip(before, after, strict=True)]  # 1: black is no zero
    brightness = math.prod(ratios) ** (1 / len(ratios))
    tint = max(max(ratio / brightness, brightness / ratio) for ratio in ratios)
    texts = []
    if max(brightness, 1 / brightness) > _BRIGHTNESS:
        texts.append(f"{brightness:.2g} times as bright")
    if tint > _COLOUR:
        texts.append("of another tint")
    if not texts:
        return []
    what = f"the picture became {' and '.join(texts)} when it was locked"
    return [f'{what}: the camera may not keep what its automatic finds; numbers are safer than "lock"']
