"""Define the conditions of a stress evaluation: what worse cameras and worse light do to a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from converter import camera_effects as effects
from converter.camera_effects import as_pixels, as_values

Picture: TypeAlias = NDArray[np.uint8]
Worsen: TypeAlias = Callable[[Picture, np.random.Generator], Picture]

UNCHANGED = "as it is"
GREY = "grey"
MOST_PX = 1280  # along the longer side; larger pictures are reduced first, to a robot's camera


@dataclass(frozen=True, slots=True)
class Condition:
    """One way of making a picture worse.

    Attributes:
        name: in words, as in the table.
        worsen: takes a picture, uint8 BGR, and the random generator of this picture; returns a changed one.
    """

    name: str
    worsen: Worsen


def reduce_to_camera(pixels: Picture) -> Picture:
    """Return a picture that is larger than a robot's camera takes at its size, and others as they are."""
    scale = MOST_PX / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _on_values(change: Callable[[effects.Values, np.random.Generator], effects.Values]) -> Worsen:
    """Return what applies a change of values to pixels."""
    return lambda pixels, rng: as_pixels(change(as_values(pixels), rng))


def _blur(share: float) -> Worsen:
    return _on_values(lambda values, _: effects.blur(values, max(0.3, share * min(values.shape[:2]))))


def _smear(share: float) -> Worsen:
    return _on_values(
        lambda values, rng: effects.blur_by_motion(
            values, max(2.0, share * min(values.shape[:2])), rng.uniform(0, 180)
        )
    )


def _expose(stops: float) -> Worsen:
    return _on_values(lambda values, _: effects.darken(values, stops))


def _cast(warmth: float, green: float = 0.0) -> Worsen:
    return _on_values(lambda values, _: effects.cast_colour(values, warmth, green))


def _glare(values: effects.Values, rng: np.random.Generator) -> effects.Values:
    across, down = rng.uniform(0.2, 0.8, 2)
    return effects.add_glare(values, (float(across), float(down)), 0.15)


def _narrow(width_px: int) -> Worsen:
    """Return what a camera of so few pixels across takes; smaller pictures stay as they are."""

    def worsen(pixels: Picture, _: np.random.Generator) -> Picture:
        height, width = pixels.shape[:2]
        if width <= width_px:
            return pixels
        size = (width_px, max(1, round(height * width_px / width)))
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)

    return worsen


def _squeeze(aspect: float) -> Worsen:
    """Return what cuts the largest part of this width to height out of the middle, and makes it square."""

    def worsen(pixels: Picture, _: np.random.Generator) -> Picture:
        height, width = pixels.shape[:2]
        across, down = min(width, round(height * aspect)), min(height, round(width / aspect))
        left, top = (width - across) // 2, (height - down) // 2
        cut = pixels[top : top + max(1, down), left : left + max(1, across)]
        side = max(1, min(cut.shape[:2]))
        return np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA), np.uint8)

    return worsen


CONDITIONS = (
    Condition(UNCHANGED, lambda pixels, _: pixels),
    Condition(GREY, _on_values(lambda values, _: effects.remove_colour(values))),
    Condition("warm cast", _cast(0.3)),
    Condition("cold cast", _cast(-0.3)),
    Condition("green cast", _cast(0.0, 0.25)),
    Condition("blur", _blur(0.005)),
    Condition("strong blur", _blur(0.015)),
    Condition("motion blur", _smear(0.02)),
    Condition("strong motion blur", _smear(0.06)),
    Condition("JPEG quality 30", lambda pixels, _: effects.compress(pixels, 30)),
    Condition("JPEG quality 10", lambda pixels, _: effects.compress(pixels, 10)),
    Condition("1 stop darker", _expose(1)),
    Condition("2 stops darker", _expose(2)),
    Condition("3 stops darker", _expose(3)),
    Condition("overexposed by 1.5 stops", _expose(-1.5)),
    Condition("glare of a lamp", _on_values(_glare)),
    Condition(
        "torch light", _on_values(lambda values, _: effects.shine_torch(values, (0.5, 0.5), 0.35, 4.0))
    ),
    Condition("sensor noise of 10 levels", _on_values(lambda v, rng: effects.add_noise(v, 10, rng))),
    Condition("sensor noise of 25 levels", _on_values(lambda v, rng: effects.add_noise(v, 25, rng))),
    Condition("160 px wide", _narrow(160)),
    Condition("64 px wide", _narrow(64)),
    Condition("4:3 squeezed to 1:1", _squeeze(4 / 3)),
    Condition("16:9 squeezed to 1:1", _squeeze(16 / 9)),
    Condition("9:16 squeezed to 1:1", _squeeze(9 / 16)),
)
