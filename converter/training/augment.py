"""Augment pictures as a camera could have taken them: rotated, nearer, darker, blurred, compressed.

Pure and seeded: the same generator state gives the same picture. A mask gets the same geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Picture: TypeAlias = "NDArray[np.uint8]"


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
    values = _change_light(values, augmentation, rng)
    if augmentation.blur_share and rng.random() < 0.5:
        sigma_px = rng.uniform(0.0, augmentation.blur_share) * pixels.shape[0]
        if sigma_px > 0.2:
            values = np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_px), np.float32)
    if augmentation.noise and rng.random() < 0.5:
        sigma = rng.uniform(0.0, augmentation.noise) / 255
        values = values + rng.normal(0.0, sigma, values.shape).astype(np.float32)
    changed = _as_uint8(np.rint(np.clip(values, 0, 1) * 255))
    if augmentation.jpeg_quality_min < 100 and rng.random() < 0.5:
        quality = int(rng.integers(augmentation.jpeg_quality_min, 96))
        _, encoded = cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, quality])
        changed = _as_uint8(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
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


def _as_uint8(values: Any) -> Picture:
    """Return an array of OpenCV or NumPy, typed as a uint8 picture."""
    return np.asarray(values, np.uint8)
