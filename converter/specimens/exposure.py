"""Light and photograph a part as sites and cameras differ: torch, flash, fog, tint, shake, darkness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.light import VirtualCamera, compress_jpeg, photograph
from converter.specimens.noise import blur, fractal, slopes, step
from converter.specimens.plate import repeat_channels

if TYPE_CHECKING:
    from converter.specimens.noise import Field, Shape
    from converter.specimens.plate import Colours, Plate
    from converter.specimens.spec import Picture

# How often each: by eye, so that most pictures are plain and none of the faults is rare.
LIGHTS = ("sky", "sky", "room", "room", "sun", "sun", "torch", "flash", "dusk")


@dataclass(frozen=True, slots=True)
class _Light:
    """One light: share from everywhere, lowest height of its direction, narrowness, and mean brightness."""

    ambient: tuple[float, float]
    height: tuple[float, float]
    falloff: tuple[float, float]
    mean: tuple[float, float]
    noise: float


_KINDS = {
    "sky": _Light((0.55, 0.9), (0.5, 0.95), (0.0, 0.1), (0.16, 0.34), 0.008),
    "room": _Light((0.3, 0.7), (0.4, 0.9), (0.1, 0.9), (0.10, 0.30), 0.014),
    "sun": _Light((0.12, 0.4), (0.25, 0.85), (0.0, 0.05), (0.18, 0.40), 0.006),
    "torch": _Light((0.03, 0.2), (0.75, 1.0), (2.0, 9.0), (0.07, 0.20), 0.025),
    "flash": _Light((0.03, 0.2), (0.9, 1.0), (0.8, 3.0), (0.12, 0.30), 0.016),
    "dusk": _Light((0.4, 0.9), (0.3, 0.9), (0.0, 0.6), (0.05, 0.12), 0.028),
}


def _light_part(plate: Plate, kind: str, rng: np.random.Generator, height_px: float) -> Colours:
    """Return the light that leaves a part, linear BGR, exposed as a camera would."""
    light = _KINDS[kind]
    shape = plate.relief.shape
    along_x, along_y = slopes(plate.relief)
    upright = 1.0 / np.sqrt(1.0 + along_x**2 + along_y**2)
    to_z = float(rng.uniform(*light.height))
    azimuth = float(rng.uniform(0, 2 * np.pi))
    to_x, to_y = np.sqrt(1 - to_z**2) * np.cos(azimuth), np.sqrt(1 - to_z**2) * np.sin(azimuth)
    facing = np.maximum(0.0, (to_z - to_x * along_x - to_y * along_y) * upright) / max(to_z, 0.4)
    x, y = _axes(shape, height_px)
    centre = rng.normal(0, 0.22, 2)
    off_x, off_y = x - centre[0], y - centre[1]
    beam = 1.0 / (1.0 + float(rng.uniform(*light.falloff)) * (off_x**2 + off_y**2)) ** 1.5
    if kind == "sun" and rng.random() < 0.4:
        beam = beam * _cast_shadow(shape, height_px, rng)
    ambient = float(rng.uniform(*light.ambient))
    sky = 0.75 + 0.25 * upright - 0.2 * along_y * upright
    diffuse = (ambient * sky + (1.0 - ambient) * beam * facing) * _occlusion(plate)
    shine = plate.metal * plate.gloss
    spread = float(rng.uniform(0.12, 0.5))
    lobe = np.exp(-((off_x - 1.4 * along_x) ** 2 + (off_y - 1.4 * along_y) ** 2) / spread**2) * beam
    around = _mirror(shape, along_x * upright, along_y * upright, rng)
    tint = rng.normal(1.0, 0.05 if rng.random() < 0.8 else 0.14, 3)
    lit = (
        diffuse * (1.0 - 0.6 * shine) + (1.0 - ambient) * float(rng.uniform(0.2, 1.6)) * shine * lobe
    ).astype(np.float32)
    coat = (0.25 * (1.0 - ambient) * (1.0 - plate.metal) * plate.gloss * lobe).astype(np.float32)
    mirror = (0.55 * shine * (ambient + (1.0 - ambient) * beam)).astype(np.float32)
    planes = [
        np.float32(tint[i]) * (part * (lit + mirror * around[i]) + coat)
        for i, part in enumerate(cv2.split(plate.reflectance))
    ]
    radiance = np.asarray(cv2.merge(planes), np.float32)
    aim = float(rng.uniform(*light.mean))
    mean = max(1e-4, float(cv2.mean(radiance)[1]))
    radiance *= np.float32((aim / mean) ** 0.75 * (aim / 0.3) ** 0.25)
    return _weather(radiance, kind, rng, (off_x, off_y))


def take_wide_picture(
    plate: Plate, picture: Shape, kind: str, rng: np.random.Generator
) -> tuple[Picture, VirtualCamera]:
    """Return the picture of a plate in a light of ``kind``, and the camera that took it."""
    radiance = _light_part(plate, kind, rng, picture[0])
    camera = _choose_camera(plate.relief.shape, picture, kind, rng)
    return _expose(radiance, camera, picture, rng), camera


def _choose_camera(plate: Shape, picture: Shape, kind: str, rng: np.random.Generator) -> VirtualCamera:
    """Draw a camera that may lean and roll far, shake, or be out of focus."""
    scale = picture[0] / 360.0
    shake = rng.normal(0.0, 4.0 * scale, 2) if rng.random() < 0.12 else np.zeros(2)
    defocus = float(rng.uniform(1.0, 3.5)) if rng.random() < 0.15 else float(rng.gamma(1.5, 0.3))
    return VirtualCamera(
        view=_choose_view(plate, picture, rng),
        blur_px=defocus * scale,
        motion_px=(float(shake[0]), float(shake[1])),
        noise=_KINDS[kind].noise * float(rng.uniform(0.4, 1.8)),
        jpeg_quality=int(rng.integers(45, 97)),
    )


def _expose(radiance: Colours, camera: VirtualCamera, picture: Shape, rng: np.random.Generator) -> Picture:
    """Return the picture, with what cheap cameras do to it: contrast, colour, sharpening, few pixels."""
    pixels = photograph(radiance, camera, picture, rng)
    if rng.random() < 0.2:  # few pixels, enlarged
        factor = float(rng.uniform(0.25, 0.7))
        few = (max(24, int(picture[1] * factor)), max(24, int(picture[0] * factor)))
        small = cv2.resize(pixels, few, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(
            cv2.resize(small, (picture[1], picture[0]), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    if rng.random() < 0.25:  # sharpened, with seams
        soft = cv2.GaussianBlur(pixels, (0, 0), 1.2)
        pixels = np.asarray(cv2.addWeighted(pixels, 2.0, soft, -1.0, 0.0), np.uint8)
    saturation = float(rng.uniform(0.0, 0.3)) if rng.random() < 0.08 else float(rng.uniform(0.6, 1.35))
    contrast, lift = float(rng.uniform(0.8, 1.3)), float(rng.normal(0.0, 8.0))
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.float32)[:, :, None]
    toned = (grey + (pixels - grey) * saturation - 110.0) * contrast + 110.0 + lift
    return compress_jpeg(np.clip(toned, 0, 255).astype(np.uint8), camera.jpeg_quality)


def _axes(shape: Shape, height_px: float) -> tuple[Field, Field]:
    """Return x and y in picture heights from the middle."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    return (x - shape[1] / 2) / np.float32(height_px), (y - shape[0] / 2) / np.float32(height_px)


def _occlusion(plate: Plate) -> Field:
    """Return the visible share of the sky: less in pits, in crevices and beside what stands out."""
    u = plate.unit_px
    buried = blur(plate.relief, 2.5 * u) - plate.relief
    corners = blur(plate.relief, 12 * u) - plate.relief
    return np.clip(1.0 - (0.22 * buried + 0.04 * corners) / u, 0.3, 1.12).astype(np.float32)


def _mirror(shape: Shape, lean_x: Field, lean_y: Field, rng: np.random.Generator) -> list[Field]:
    """Return what bare metal mirrors, per channel: soft and bright patches, bent by its shape."""
    grid = (48, 48)
    bright = 1.0 + float(rng.uniform(0.3, 0.8)) * fractal(rng, grid, float(rng.uniform(5, 16)), 3)
    if rng.random() < 0.5:  # windows and lamps
        bright += 1.5 * step(fractal(rng, grid, float(rng.uniform(4, 12)), 2), 1.0, 1.5)
    warm = 0.14 * fractal(rng, grid, float(rng.uniform(8, 24)), 2)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    at_x = (x / shape[1] * 0.5 + 0.25 + 0.5 * lean_x) * 47
    at_y = (y / shape[0] * 0.5 + 0.25 + 0.5 * lean_y) * 47
    around = np.stack([bright - warm, bright, bright + warm], axis=2).clip(0.08, 4.0).astype(np.float32)
    seen = cv2.remap(
        around,
        at_x.astype(np.float32),
        at_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return [np.asarray(plane, np.float32) for plane in cv2.split(seen)]


def _cast_shadow(shape: Shape, height_px: float, rng: np.random.Generator) -> Field:
    """Return the shadow of an edge, of bars or of leaves."""
    x, y = _axes(shape, height_px)
    angle = float(rng.uniform(0, 2 * np.pi))
    away = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    kind = int(rng.integers(3))
    if kind == 1:
        away = np.sin(away * np.float32(rng.uniform(8, 40))) * np.float32(0.1)
    if kind == 2:
        away = 0.1 * fractal(rng, shape, float(rng.uniform(0.08, 0.3)) * height_px, 4)
    soft = float(rng.uniform(0.005, 0.05))
    return 0.15 + 0.85 * step(away + np.float32(rng.uniform(-0.15, 0.25)), -soft, soft)


def _weather(radiance: Colours, kind: str, rng: np.random.Generator, off: tuple[Field, Field]) -> Colours:
    """Return the light after fog, a vignette and the glare of the lamp."""
    away = off[0] ** 2 + off[1] ** 2
    if kind in {"torch", "flash"} and rng.random() < 0.4:
        glare = np.exp(-away / float(rng.uniform(0.002, 0.03))) * float(rng.uniform(0.2, 1.2))
        radiance = radiance + repeat_channels(glare.astype(np.float32))
    if rng.random() < 0.3:
        radiance = radiance * repeat_channels(
            (1.0 / (1.0 + float(rng.uniform(0.3, 1.6)) * away)).astype(np.float32)
        )
    if rng.random() < 0.1:
        fog = float(rng.uniform(0.15, 0.6))
        radiance = radiance * np.float32(1 - fog) + np.float32(fog * rng.uniform(0.15, 0.5))
    return np.asarray(radiance, np.float32)


def _choose_view(plate: Shape, picture: Shape, rng: np.random.Generator) -> np.ndarray:
    """Return the projection of a leaning, rolled quadrilateral of the plate onto the picture."""
    height, width = plate
    half = np.array([width, height]) * 0.425 / float(rng.uniform(1.0, 1.3))
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * half
    roll = np.deg2rad(float(rng.normal(0.0, 8.0 if rng.random() < 0.7 else 40.0)))
    turn = np.array([(np.cos(roll), -np.sin(roll)), (np.sin(roll), np.cos(roll))])
    lean = rng.normal(0.0, 0.05 if rng.random() < 0.5 else 0.2, 2).clip(-0.45, 0.45)
    depth = 1.0 + corners @ (lean / half) * 0.5
    source = (corners @ turn.T) * depth[:, None] + 0.5 * np.array([width, height])
    target = np.array([(0, 0), (picture[1], 0), (picture[1], picture[0]), (0, picture[0])], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(source.astype(np.float32), target), np.float64)
