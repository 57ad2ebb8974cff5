"""Augment pictures as a camera could have taken them: rotated, nearer, darker, blurred, compressed.

Pure and seeded: the same generator state gives the same picture. A mask gets the same geometry.
A recipe names one of ``AUGMENTATIONS``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from converter import camera_effects

if TYPE_CHECKING:
    from numpy.typing import NDArray

Picture: TypeAlias = "NDArray[np.uint8]"

_RARELY = 0.2  # share of the pictures that each further change comes to


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The limits of the random changes to a picture; the default changes nothing.

    Attributes:
        flip_left_right: half of the pictures are mirrored left to right.
        flip_up_down: half of the pictures are mirrored top to bottom.
        rotation_deg: the largest rotation either way; missing corners are filled by reflection.
        crop_share: the largest share of each side that is cut away.
        zoom_share: the largest enlargement beyond the frame.
        stretch_share: the largest change of the aspect ratio.
        exposure_stops: the largest change of exposure either way, in stops.
        contrast_share: the largest change of contrast either way.
        brightness_share: the largest factor either way on all values: TensorFlow for Poets' brightness.
        white_balance_share: the largest factor either way on each colour channel.
        saturation_share: the largest change of saturation either way.
        blur_share: the largest blur, standard deviation as a share of the side.
        noise: the largest standard deviation of sensor noise, in grey levels.
        jpeg_quality_min: the worst JPEG quality; 100 leaves compression out.
        grey_share: share of the pictures that lose their colour.
        cast_share: the largest colour cast, warm, cold, green or magenta, as a share of each channel.
        darkness_stops: the largest underexposure, in stops.
        torch_stops: how much darker the border gets at most, as by torch light or a vignette, in stops.
        glare: the strongest mirror image of a lamp; 1 is white.
        motion_blur_share: the longest smear by motion, as a share of the side.
        coarsest_px: the fewest pixels across that a picture is reduced to; 0 leaves reducing out.
    """

    flip_left_right: bool = False
    flip_up_down: bool = False
    rotation_deg: float = 0.0
    crop_share: float = 0.0
    zoom_share: float = 0.0
    stretch_share: float = 0.0
    exposure_stops: float = 0.0
    contrast_share: float = 0.0
    brightness_share: float = 0.0
    white_balance_share: float = 0.0
    saturation_share: float = 0.0
    blur_share: float = 0.0
    noise: float = 0.0
    jpeg_quality_min: int = 100
    grey_share: float = 0.0
    cast_share: float = 0.0
    darkness_stops: float = 0.0
    torch_stops: float = 0.0
    glare: float = 0.0
    motion_blur_share: float = 0.0
    coarsest_px: int = 0

    @property
    def changes_nothing(self) -> bool:
        """True for the default."""
        return self == Augmentation()


# The range of a robot's camera. Rust is recognised by its colour, so white balance and saturation stay within
# the differences between cameras; crops stay small, because the only rust may be at the border.
INSPECTION = Augmentation(
    flip_left_right=True,
    flip_up_down=True,
    rotation_deg=25.0,
    crop_share=0.25,
    zoom_share=0.25,
    stretch_share=0.15,
    exposure_stops=0.8,
    contrast_share=0.5,
    white_balance_share=0.12,
    saturation_share=0.35,
    blur_share=0.008,
    noise=8.0,
    jpeg_quality_min=40,
)

# For cameras and light worse than those of the pictures at hand: grey, tinted, dark, mirrored lamps, smeared,
# coarse, squeezed from a wide frame to a square one. Each of the further changes comes to few pictures.
ROBUST = replace(
    INSPECTION,
    stretch_share=0.6,
    blur_share=0.014,
    noise=14.0,
    jpeg_quality_min=10,
    grey_share=0.15,
    cast_share=0.3,
    darkness_stops=2.5,
    torch_stops=3.0,
    glare=1.0,
    motion_blur_share=0.05,
    coarsest_px=56,
)

# Copies take turns.
AUGMENTATIONS: dict[str, tuple[Augmentation, ...]] = {
    "inspection": (INSPECTION,),
    "robust": (ROBUST,),
    "mixed": (INSPECTION, ROBUST),
}


def augment(pixels: Picture, size_px: int, augmentation: Augmentation, rng: np.random.Generator) -> Picture:
    """Return a randomly changed copy of a picture.

    Args:
        pixels: uint8 ``(height, width, 3)``, blue, green, red.
        size_px: sides of the returned picture; the aspect ratio is not kept, as at inference.
        augmentation: the limits.
        rng: the same state gives the same picture.

    Returns:
        uint8 ``(size_px, size_px, 3)``.
    """
    matrix = _draw_geometry(pixels.shape[0], pixels.shape[1], size_px, augmentation, rng)
    # Bilinear sampling aliases when shrinking; blurring to the target's pixel first imitates an area resize.
    warped = _warp(_blur_before_shrinking(pixels, matrix), matrix, size_px)
    return _simulate_camera(warped, augmentation, rng)


def augment_mask(
    mask: Picture, size_px: int, augmentation: Augmentation, rng: np.random.Generator
) -> Picture:
    """Return a mask, uint8 ``(height, width)``, with the geometry that ``augment`` draws from this ``rng``.

    The mask must be as large as its picture.
    """
    return _warp(mask, _draw_geometry(mask.shape[0], mask.shape[1], size_px, augmentation, rng), size_px)


def _draw_geometry(
    height: int, width: int, size_px: int, augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the affine map, ``(2, 3)``, from source pixels to target pixels."""
    kept = 1.0 - rng.uniform(0.0, augmentation.crop_share) if augmentation.crop_share else 1.0
    kept /= 1.0 + rng.uniform(0.0, augmentation.zoom_share)
    stretch = np.exp(rng.uniform(-1, 1) * np.log1p(augmentation.stretch_share) / 2)
    centre = np.array([width, height]) / 2 + rng.uniform(-0.5, 0.5, 2) * (1 - kept) * [width, height]
    scale = np.array([size_px / width * stretch, size_px / height / stretch]) / kept
    if augmentation.flip_left_right and rng.random() < 0.5:
        scale[0] = -scale[0]
    if augmentation.flip_up_down and rng.random() < 0.5:
        scale[1] = -scale[1]
    angle = np.deg2rad(rng.uniform(-1, 1) * augmentation.rotation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag(scale)
    # Pixel centres lie at .5 in both pictures.
    shift = np.full(2, size_px / 2) - linear @ (centre - 0.5) - 0.5
    return np.column_stack([linear, shift])


def _blur_before_shrinking(pixels: Picture, matrix: NDArray[np.float64]) -> Picture:
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale >= 1.0:
        return pixels
    blurred: Picture = _as_uint8(cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale))
    return blurred


def _warp(pixels: Picture, matrix: NDArray[np.float64], size_px: int) -> Picture:
    return _as_uint8(
        cv2.warpAffine(
            pixels, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
    )


def _simulate_camera(pixels: Picture, augmentation: Augmentation, rng: np.random.Generator) -> Picture:
    """Return the picture with other light, blur, sensor noise and JPEG compression."""
    values: NDArray[Any] = pixels.astype(np.float32) / np.float32(255)
    values = _worsen_light(_change_light(values, augmentation, rng), augmentation, rng)
    if augmentation.blur_share and rng.random() < 0.5:
        sigma_px = rng.uniform(0.0, augmentation.blur_share) * pixels.shape[0]
        if sigma_px > 0.2:
            values = np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_px), np.float32)
    if augmentation.noise and rng.random() < 0.5:
        sigma = rng.uniform(0.0, augmentation.noise) / 255
        values = values + rng.normal(0.0, sigma, values.shape).astype(np.float32)
    values = _worsen_camera(values, augmentation, rng)
    changed = _as_uint8(np.rint(np.clip(values, 0, 1) * 255))
    if augmentation.jpeg_quality_min < 100 and rng.random() < 0.5:
        quality = int(rng.integers(augmentation.jpeg_quality_min, 96))
        changed = camera_effects.compress(changed, quality)
    return changed


def _change_light(values: NDArray[Any], augmentation: Augmentation, rng: np.random.Generator) -> NDArray[Any]:
    """Return values in 0..1 with other exposure, brightness, white balance, contrast and saturation."""
    if augmentation.exposure_stops:
        # Through a camera's tone curve a change of light acts as a power that keeps black and white.
        values = values ** np.float32(2.0 ** (-rng.uniform(-1, 1) * augmentation.exposure_stops))
    if augmentation.brightness_share:
        values = values * np.float32(1 + rng.uniform(-1, 1) * augmentation.brightness_share)
    if augmentation.white_balance_share:
        factors = 1 + rng.uniform(-1, 1, 3) * augmentation.white_balance_share
        values = values * factors.astype(np.float32)
    if augmentation.contrast_share:
        middle = values.mean()
        values = middle + (values - middle) * np.float32(1 + rng.uniform(-1, 1) * augmentation.contrast_share)
    if augmentation.saturation_share:
        grey = values.mean(axis=2, keepdims=True)
        values = grey + (values - grey) * np.float32(1 + rng.uniform(-1, 1) * augmentation.saturation_share)
    return np.asarray(np.clip(values, 0, 1), np.float32)


def _worsen_light(values: NDArray[Any], augmentation: Augmentation, rng: np.random.Generator) -> NDArray[Any]:
    """Return values under worse light: tinted, dark, lit by a torch, mirroring a lamp. Most stay as they are.

    What is left out draws nothing, so that a limit of its own changes no picture of other augmentations.
    """
    if augmentation.cast_share and rng.random() < _RARELY:
        warmth, green = rng.uniform(-1, 1, 2) * augmentation.cast_share
        values = camera_effects.cast_colour(values, float(warmth), float(green) / 2)
    if augmentation.darkness_stops and rng.random() < _RARELY:
        values = camera_effects.darken(values, rng.uniform(0, augmentation.darkness_stops))
    if augmentation.torch_stops and rng.random() < _RARELY:
        centre, radius = rng.uniform(0.3, 0.7, 2), rng.uniform(0.3, 0.8)
        stops = rng.uniform(0, augmentation.torch_stops)
        values = camera_effects.shine_torch(values, (centre[0], centre[1]), radius, stops)
    if augmentation.glare and rng.random() < _RARELY:
        centre, radius = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.2)
        strength = rng.uniform(0.3, 1) * augmentation.glare
        values = camera_effects.add_glare(values, (centre[0], centre[1]), radius, strength)
    return values


def _worsen_camera(
    values: NDArray[Any], augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[Any]:
    """Return values of a worse camera: smeared, without colour, of few pixels. Most stay as they are."""
    side_px = values.shape[0]
    if augmentation.motion_blur_share and rng.random() < _RARELY:
        length_px = 1 + rng.uniform(0, augmentation.motion_blur_share) * side_px
        values = camera_effects.blur_by_motion(values, length_px, rng.uniform(0, 180))
    if augmentation.grey_share and rng.random() < augmentation.grey_share:
        values = camera_effects.remove_colour(values)
    if 0 < augmentation.coarsest_px < side_px and rng.random() < _RARELY:
        coarse_px = np.exp(rng.uniform(np.log(augmentation.coarsest_px), np.log(side_px)))
        values = camera_effects.coarsen(values, int(coarse_px))
    return values


def _as_uint8(values: Any) -> Picture:
    """Return an array of OpenCV or NumPy, typed as a uint8 picture."""
    return np.asarray(values, np.uint8)
