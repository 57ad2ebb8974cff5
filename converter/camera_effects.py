"""Change a picture as a worse camera or worse light would: one pure function for each effect, nothing drawn.

Training draws their strengths at random; ``converter evaluate --stress`` applies each at a fixed one. Values
are float32 ``(height, width, 3)``, blue, green, red, 0 to 1, as the picture's file has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Picture: TypeAlias = "NDArray[np.uint8]"
Values: TypeAlias = "NDArray[np.float32]"

# Files hold light through a tone curve; a stop less of light is this factor on what they hold.
_STOP = 2.0 ** (-1 / 2.2)
# Weights of blue, green and red in brightness, ITU-R BT.601.
_BRIGHTNESS = (0.114, 0.587, 0.299)


def as_values(pixels: Picture) -> Values:
    """Return uint8 pixels as values from 0 to 1."""
    return np.asarray(pixels / np.float32(255), np.float32)


def as_pixels(values: Values) -> Picture:
    """Return values as uint8 pixels; what is beyond 0 and 1 is cut off."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def remove_colour(values: Values) -> Values:
    """Return the picture that a monochrome camera takes."""
    return np.repeat(_by_brightness(values)[..., None], 3, axis=2)


def cast_colour(values: Values, warmth: float, green: float = 0.0) -> Values:
    """Tint a picture as a wrong white balance does; its brightness stays about the same.

    Args:
        values: the picture.
        warmth: red rises and blue falls by this share; below 0 the other way round.
        green: green rises by this share.
    """
    factors = np.array([1 - warmth, 1 + green, 1 + warmth], np.float32)
    return _clip(values * (factors / np.float32(factors @ np.array(_BRIGHTNESS, np.float32))))


def darken(values: Values, stops: float) -> Values:
    """Expose a picture for less light, in stops; below 0 for more, whose brightest parts are lost."""
    return _clip(values * np.float32(_STOP**stops))


def add_glare(values: Values, centre: tuple[float, float], radius: float, strength: float = 1.0) -> Values:
    """Add the mirror image of a lamp: white in the middle, fading outwards.

    Args:
        values: the picture.
        centre: of the spot, across and down, as shares of the sides.
        radius: where it has faded to 0.6, as a share of the shorter side.
        strength: what it adds in its middle; 1 is white whatever lies there.
    """
    spot = np.exp(-_squared_distance(values, centre) / (2 * radius * radius)) * np.float32(strength)
    return _clip(values + spot[..., None].astype(np.float32))


def shine_torch(values: Values, centre: tuple[float, float], radius: float, stops: float) -> Values:
    """Light a picture by a torch alone, as a vignette does too: it fades to the dark outwards.

    Args:
        values: the picture.
        centre: of the light, across and down, as shares of the sides.
        radius: where half of the fading is reached, as a share of the shorter side.
        stops: how much darker it gets far from the centre.
    """
    squared = _squared_distance(values, centre) / (radius * radius)
    fading = np.float32(_STOP) ** (np.float32(stops) * (squared / (1 + squared)))
    return np.asarray(values * fading[..., None], np.float32)


def blur(values: Values, sigma_px: float) -> Values:
    """Put a picture out of focus: a Gaussian blur of this standard deviation."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_px), np.float32)


def blur_by_motion(values: Values, length_px: float, angle_deg: float) -> Values:
    """Smear a picture along a line of this length, as motion during the exposure does."""
    side = int(np.ceil(length_px)) | 1
    kernel = np.zeros((side, side), np.float32)
    middle, reach = side // 2, (length_px - 1) / 2
    across, down = np.cos(np.deg2rad(angle_deg)) * reach, np.sin(np.deg2rad(angle_deg)) * reach
    first = (round(middle - across), round(middle - down))
    last = (round(middle + across), round(middle + down))
    cv2.line(kernel, first, last, 1.0)
    return np.asarray(cv2.filter2D(values, -1, kernel / kernel.sum()), np.float32)


def add_noise(values: Values, deviation: float, rng: np.random.Generator) -> Values:
    """Add a sensor's noise of this standard deviation, in grey levels of 255; a state gives one noise."""
    noise = rng.normal(0.0, deviation / 255, values.shape).astype(np.float32)
    return _clip(values + noise)


def coarsen(values: Values, width_px: int) -> Values:
    """Reduce a picture to fewer pixels and enlarge it again: its size stays, its detail goes."""
    height, width = values.shape[:2]
    low = cv2.resize(
        values, (width_px, max(1, round(height * width_px / width))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def compress(pixels: Picture, quality: int) -> Picture:
    """Return a picture as JPEG of this quality leaves it."""
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _clip(values: Values) -> Values:
    return np.asarray(np.clip(values, 0, 1), np.float32)


def _by_brightness(values: Values) -> Values:
    return np.asarray(values @ np.array(_BRIGHTNESS, np.float32), np.float32)


def _squared_distance(values: Values, centre: Sequence[float]) -> NDArray[Any]:
    """Return each pixel's squared distance from a place, in shorter sides."""
    height, width = values.shape[:2]
    shorter = min(height, width)
    across = (np.arange(width, dtype=np.float32) + 0.5 - centre[0] * width) / shorter
    down = (np.arange(height, dtype=np.float32) + 0.5 - centre[1] * height) / shorter
    return np.asarray(across[None, :] ** 2 + down[:, None] ** 2, np.float32)
