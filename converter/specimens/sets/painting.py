"""Paint corrosion or dirt onto a photograph of metal so that it lies in the photograph's own light."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.light import compress_jpeg
from converter.specimens.noise import Field, blur, slopes, speckle, step
from converter.specimens.plate import Plate, repeat_channels
from converter.specimens.worlds.decay import corrode_part
from converter.specimens.worlds.soiling import brown_part, soil_part

if TYPE_CHECKING:
    from converter.specimens.spec import Material, Picture

# What clean metal is taken to reflect: the rest of its brightness is the light on it.
_METAL_REFLECTANCE = 0.42
# Colours nearer than this to those at the picture's rim belong to what is behind, in steps of Lab.
_BEHIND_STEPS = 20.0
_OBJECT_SHARES = (0.05, 0.9)


def cut_picture(
    pixels: Picture, size: tuple[int, int], rng: np.random.Generator
) -> tuple[Picture, Field | None]:
    """Return a part of a photograph, mirrored at times, of ``size`` (width, height), and where metal is.

    The second is 1 on the object before an even ground, 0 beside it and on green; None where all is metal.
    """
    inside = _find_metal(pixels)
    high, wide = pixels.shape[:2]
    scale = min(wide / size[0], high / size[1]) * float(rng.uniform(0.55, 1.0))
    part_wide, part_high = max(8, int(size[0] * scale)), max(8, int(size[1] * scale))
    left, top = int(rng.integers(wide - part_wide + 1)), int(rng.integers(high - part_high + 1))
    window = (slice(top, top + part_high), slice(left, left + part_wide))
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    part = np.asarray(cv2.resize(pixels[window], size, interpolation=how), np.uint8)
    metal = None if inside is None else np.asarray(cv2.resize(inside[window], size), np.float32)
    if inside is not None and metal is not None and float(metal.mean()) < _OBJECT_SHARES[0]:
        # Cut beside the object: the whole picture then.
        part = np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
        metal = np.asarray(cv2.resize(inside, size), np.float32)
    if rng.random() < 0.5:
        part = np.ascontiguousarray(part[:, ::-1])
        metal = None if metal is None else np.ascontiguousarray(metal[:, ::-1])
    return part, metal


def paint(
    pixels: Picture, inside: Field | None, material: Material, rng: np.random.Generator, *, corroded: bool
) -> tuple[Picture, Picture]:
    """Return the photograph with corrosion, or with dirt and paint alone, and the mask of the corrosion."""
    u = pixels.shape[0] / 360.0
    light, bare = _split_light(pixels, u)
    clean = _as_plate(bare, pixels, u)
    if corroded:
        changed = corrode_part(clean, material, inside, rng, coated=bool(rng.random() < 0.4))
    else:
        changed = brown_part(clean, rng) if rng.random() < 0.6 else soil_part(clean, rng)
    if inside is not None:
        changed = _keep_beside(clean, changed, inside)
    relief = np.asarray(changed.relief - clean.relief, np.float32)
    shaded = changed.reflectance * repeat_channels(_shade(relief, u, rng)) * repeat_channels(light)
    painted = np.clip(shaded, 0.0, 1.0) ** np.float32(1 / 2.2) * np.float32(255.0)
    soft = float(rng.uniform(0.0, 1.1))
    changed_share = repeat_channels(_find_changes(clean, changed, u))
    if soft > 0.3:
        painted = cv2.GaussianBlur(painted, (0, 0), soft)
    grain = repeat_channels(speckle(rng, light.shape)) * np.float32(rng.uniform(0.0, 4.0))
    mixed = pixels + (painted + grain - pixels) * changed_share
    mask = np.where(changed.coverage >= 0.5, 255, 0).astype(np.uint8)
    return compress_jpeg(np.clip(mixed, 0, 255).astype(np.uint8), int(rng.integers(60, 97))), mask


def _split_light(pixels: Picture, u: float) -> tuple[Field, np.ndarray]:
    """Return the light on the metal, and its reflectance without it, linear BGR."""
    linear = (pixels.astype(np.float32) / np.float32(255.0)) ** np.float32(2.2)
    grey = np.asarray(cv2.cvtColor(linear, cv2.COLOR_BGR2GRAY), np.float32)
    light = np.clip(blur(grey, 5 * u) / np.float32(_METAL_REFLECTANCE), 0.02, 1.9)
    return light.astype(np.float32), np.asarray(
        linear / repeat_channels(light.astype(np.float32)), np.float32
    )


def _find_metal(pixels: Picture) -> Field | None:
    """Return where metal is in a whole photograph; found on a small copy."""
    high, wide = pixels.shape[:2]
    pixels = np.asarray(cv2.resize(pixels, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB), np.float32)
    rim = np.concatenate(
        [
            lab[:6].reshape(-1, 3),
            lab[-6:].reshape(-1, 3),
            lab[:, :6].reshape(-1, 3),
            lab[:, -6:].reshape(-1, 3),
        ]
    )
    middle = np.median(rim, axis=0)
    away = np.sqrt((((lab - middle) * (0.7, 1.4, 1.4)) ** 2).sum(axis=2)).astype(np.float32)
    rim_away = np.sqrt((((rim - middle) * (0.7, 1.4, 1.4)) ** 2).sum(axis=1))
    if float(np.median(rim_away)) < 0.75 * _BEHIND_STEPS:
        found = (away > _BEHIND_STEPS).astype(np.uint8)
        found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
        found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(found)
        if count > 1:
            largest = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.float32)
            if _OBJECT_SHARES[0] < float(largest.mean()) < _OBJECT_SHARES[1]:
                return np.asarray(cv2.resize(blur(largest, 1.5), (wide, high)), np.float32)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)
    green = ((hsv[:, :, 0] > 30) & (hsv[:, :, 0] < 88) & (hsv[:, :, 1] > 90)).astype(np.float32)
    if 0.02 < float(green.mean()) < 0.6:
        metal = 1.0 - step(blur(green, 4.0), 0.1, 0.5)
        return np.asarray(cv2.resize(metal, (wide, high)), np.float32)
    return None


def _as_plate(bare: np.ndarray, pixels: Picture, u: float) -> Plate:
    """Return the photograph as a plate: dark lines and edges are where corrosion starts."""
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.float32)
    dark = step(blur(grey, 6 * u) - grey, 8.0, 50.0)
    edges = step(blur(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).astype(np.float32), 2 * u), 6.0, 40.0)
    nothing = np.zeros(grey.shape, np.float32)
    return Plate(
        reflectance=bare,
        relief=nothing,
        metal=nothing,
        gloss=nothing,
        weakness=np.maximum(dark, 0.6 * edges).astype(np.float32),
        coverage=nothing,
        spread=(0.3, 0.3),
        unit_px=u,
    )


def _keep_beside(clean: Plate, changed: Plate, inside: Field) -> Plate:
    share = repeat_channels(inside)
    mixed = clean.reflectance + (changed.reflectance - clean.reflectance) * share
    return replace(changed, reflectance=np.asarray(mixed, np.float32), relief=changed.relief * inside)


def _shade(relief: Field, u: float, rng: np.random.Generator) -> Field:
    """Return how a new relief changes the light: lit and shadowed slopes, darker hollows."""
    along_x, along_y = slopes(relief)
    turn, strength = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.2, 0.8))
    lit = 1.0 - strength * (np.cos(turn) * along_x + np.sin(turn) * along_y)
    hollow = 1.0 - 0.25 * (blur(relief, 2.5 * u) - relief) / np.float32(u)
    return np.asarray(np.clip(lit, 0.35, 1.7) * np.clip(hollow, 0.4, 1.15), np.float32)


def _find_changes(clean: Plate, changed: Plate, u: float) -> Field:
    """Return 1 where something was painted; elsewhere the photograph stays as it is."""
    difference = np.abs(changed.reflectance - clean.reflectance).max(axis=2) + 0.1 * np.abs(changed.relief)
    return np.asarray(step(blur(difference.astype(np.float32), 0.8 * u), 0.004, 0.05), np.float32)
