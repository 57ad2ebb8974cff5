"""Render matte surfaces, tones of a colour and lines, for pictures of no metal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from converter.specimens.plate import Colours, Plate, linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from converter.specimens.noise import Field

AnyField: TypeAlias = "NDArray[np.floating[Any]]"
Palette: TypeAlias = "tuple[tuple[int, int, int], ...]"


def make_matte(reflectance: Colours, relief: AnyField, unit_px: float, gloss: float = 0.04) -> Plate:
    """Return a surface without reflections; ``gloss`` is above the default for wet stone or varnish."""
    shape = relief.shape
    nothing = np.zeros(shape, dtype=np.float32)
    return Plate(
        reflectance=np.clip(reflectance, 0.004, 0.95).astype(np.float32),
        relief=np.asarray(relief, dtype=np.float32),
        metal=nothing,
        gloss=np.full(shape, gloss, dtype=np.float32),
        weakness=nothing,
        coverage=nothing,
        spread=(0.3, 0.3),
        unit_px=unit_px,
    )


def tone_colours(colour: Colours, tone: Field) -> Colours:
    """Return one colour, lighter and darker by the factor ``tone``."""
    return np.asarray(cv2.merge([tone * channel for channel in colour]), dtype=np.float32)


def jitter_colour(rng: np.random.Generator, red: int, green: int, blue: int, by: float = 0.12) -> Colours:
    """Return a random colour near the given one: lighter or darker, warmer or colder."""
    light = float(rng.uniform(1 - by, 1 + by))
    return np.asarray(linear(red, green, blue) * light * rng.normal(1.0, 0.4 * by, 3), dtype=np.float32)


def choose_colour(rng: np.random.Generator, colours: Palette) -> Colours:
    """Return a random colour near one of several."""
    return jitter_colour(rng, *colours[int(rng.integers(len(colours)))])


def draw_stalks(
    picture: Colours,
    rng: np.random.Generator,
    u: float,
    count: int,
    palette: Palette,
) -> None:
    """Draw straight dry stalks and twigs into ``picture``."""
    for _ in range(count):
        start = rng.uniform(0, 1, 2) * (picture.shape[1], picture.shape[0])
        angle, length = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(10, 90)) * u
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        colour = linear(*palette[int(rng.integers(len(palette)))]) * float(rng.uniform(0.6, 1.2))
        draw_line(picture, start, end, colour, max(1, round(float(rng.uniform(0.6, 2.0)) * u)))


def draw_line(picture: Colours, start: np.ndarray, end: np.ndarray, colour: Colours, width: int) -> None:
    """Draw a straight line of ``width`` px between two points, ``(2,)`` x and y, into ``picture``."""
    a, b = (round(float(start[0])), round(float(start[1]))), (round(float(end[0])), round(float(end[1])))
    cv2.line(picture, a, b, tuple(map(float, colour)), width, cv2.LINE_AA)
