"""Define the layers of a rendered plate and mix colours on it."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from converter.specimens.noise import Field

Colours = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """A plate seen from straight above, before light and camera.

    Attributes:
        reflectance: float32 ``(height, width, 3)``, linear BGR, 0 to 1.
        relief: height of the surface above its mean, in px.
        metal: 1 where bare metal mirrors its surroundings, 0 where the surface is matte or coated.
        gloss: strength of the highlight, 0 to 1.
        weakness: where corrosion starts first: scratches and chips; 0 to 1.
        coverage: how far corrosion products hide the surface, 0 to 1.
        spread: highlight width along x and y, as tangents of an angle; brushing makes them differ.
        unit_px: px of one length unit.
    """

    reflectance: Colours
    relief: Field
    metal: Field
    gloss: Field
    weakness: Field
    coverage: Field
    spread: tuple[float, float]
    unit_px: float


def linear(red: int, green: int, blue: int) -> Colours:
    """Return an sRGB colour, 0 to 255 each, as linear BGR of shape ``(3,)``."""
    encoded = np.array([blue, green, red], dtype=np.float32) / 255.0
    return np.asarray(encoded**2.2, dtype=np.float32)


def mix_colours(base: Colours, colour: Colours, share: Field) -> Colours:
    """Return ``base`` covered with ``colour``, ``(3,)`` or a shape like ``base``, by ``share``, 0 to 1."""
    if colour.ndim == 1:
        return np.asarray(
            cv2.merge([plane + (colour[i] - plane) * share for i, plane in enumerate(cv2.split(base))]),
            dtype=np.float32,
        )
    return np.asarray(base + (colour - base) * repeat_channels(share), dtype=np.float32)


def repeat_channels(field: Field) -> Colours:
    """Return ``field`` once per channel: NumPy multiplies whole pictures faster than it broadcasts."""
    return np.asarray(cv2.merge((field, field, field)), dtype=np.float32)
