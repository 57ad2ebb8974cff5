"""Add traces of use that are no corrosion to a rendered plate: scratches, chips, specks and stains."""

from dataclasses import replace

import cv2
import numpy as np

from converter.specimens.noise import (
    Field,
    blur,
    cells,
    displace,
    fractal,
    rank_values,
    slopes,
    step,
    streaks,
)
from converter.specimens.plate import Plate, linear, mix_colours, repeat_channels


def scratch(plate: Plate, rng: np.random.Generator, *, count: int, depth: float = 1.0) -> Plate:
    """Return the plate with ``count`` scratches; most run one way, as use makes them."""
    if count == 0:
        return plate
    height, width = plate.relief.shape
    u = plate.unit_px
    trace = np.zeros((height, width), dtype=np.uint8)
    main = rng.uniform(0.0, np.pi)
    for _ in range(count):
        angle = main + rng.normal(0.0, 0.25) if rng.random() < 0.7 else rng.uniform(0.0, np.pi)
        length = rng.gamma(1.6, 70.0) * u
        centre = rng.uniform((0, 0), (width, height))
        bow = rng.normal(0.0, 0.04) * length
        along = np.linspace(-0.5, 0.5, 9)[:, None]
        forward = np.array([np.cos(angle), np.sin(angle)])
        sideways = np.array([-forward[1], forward[0]])
        points = centre + along * length * forward + (1.0 - 4.0 * along**2) * bow * sideways
        cv2.polylines(
            trace,
            [np.asarray(points * 16, dtype=np.int32)],
            isClosed=False,
            color=int(rng.integers(90, 255)),
            thickness=1 if rng.random() < 0.8 else 2,
            lineType=cv2.LINE_AA,
            shift=4,
        )
    line = trace.astype(np.float32) / 255.0
    # Scratches break off and return with the pressure of what made them.
    line *= step(fractal(rng, (height, width), 40 * u, 4), -1.0, 0.4)
    bright = linear(205, 205, 205)
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, bright, (0.55 * depth * line).astype(np.float32)),
        relief=np.asarray(plate.relief - 1.1 * depth * line, dtype=np.float32),
        weakness=np.maximum(plate.weakness, np.minimum(1.0, 2.0 * blur(line, 2.0 * u)).astype(np.float32)),
    )


def chip(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return a painted plate with chips down to grey primer; corrosion will begin there."""
    u, shape = plate.unit_px, plate.relief.shape
    spots = cells(rng, shape, int(rng.integers(3, 16)))
    radius = spots.of_points((1.0 + rng.gamma(1.5, 2.2, spots.count)) * u)
    chip = step(radius - spots.distance + 2.5 * u * fractal(rng, shape, 12 * u, 3, 0.6), 0.0, 1.2)
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, linear(128, 128, 126), 0.85 * chip),
        relief=np.asarray(plate.relief - 1.2 * chip, dtype=np.float32),
        gloss=np.asarray(plate.gloss * (1.0 - 0.7 * chip), dtype=np.float32),
        weakness=np.maximum(plate.weakness, blur(chip, 3 * u)),
    )


def add_specks(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate with specks of dirt, dark and pale, the larger ones rarer."""
    u, shape = plate.unit_px, plate.relief.shape
    specks = cells(rng, shape, max(4, int(shape[0] * shape[1] / (20 * u) ** 2)))
    radius = specks.of_points(rng.gamma(1.0, 0.42, specks.count) * u)
    shade = specks.of_points(rng.uniform(0.02, 0.45, specks.count))
    speck = 0.6 * step(radius - specks.distance + 0.3 * fractal(rng, shape, 3 * u, 2), 0.0, 1.0)
    return replace(plate, reflectance=mix_colours(plate.reflectance, repeat_channels(shade), speck))


def stain(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under one or two stains that are no corrosion."""
    kinds = (_oil, _dirt, _water_marks, _brown_stain)
    chosen = rng.choice(len(kinds), size=int(rng.integers(1, 3)), replace=False)
    for index in chosen:
        plate = kinds[int(index)](plate, rng)
    return scratch(plate, rng, count=int(rng.integers(0, 8)))


def _patch(plate: Plate, rng: np.random.Generator, fraction: float, softness: float) -> Field:
    """Return a blot over ``fraction`` of the plate, with an edge of ``softness`` (0 sharp to 1)."""
    u, shape = plate.unit_px, plate.relief.shape
    blot = fractal(rng, shape, 200 * u, 5, 0.42)
    sag = streaks(rng, (shape[1], shape[0]), 260 * u, 26 * u).T
    rank = rank_values(np.asarray(blot + 0.45 * sag, dtype=np.float32))
    return 1.0 - step(rank, fraction, fraction * (1.0 + 0.05 + softness))


def _oil(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under a thin film of oil: darker, smoother, a wet highlight."""
    film = _patch(plate, rng, float(rng.uniform(0.06, 0.3)), 0.12)
    thickness = film * (0.75 + 0.12 * fractal(rng, film.shape, 50 * plate.unit_px, 4))
    tint = linear(70, 58, 40)
    return replace(
        plate,
        reflectance=mix_colours(
            plate.reflectance, tint, np.clip(0.72 * thickness, 0.0, 1.0).astype(np.float32)
        ),
        relief=np.asarray(plate.relief * (1.0 - 0.8 * film) + 0.6 * blur(film, 1.5), dtype=np.float32),
        metal=np.asarray(plate.metal * (1.0 - 0.5 * film), dtype=np.float32),
        gloss=np.asarray(plate.gloss + (0.9 - plate.gloss) * film, dtype=np.float32),
    )


def _dirt(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under dry dirt: matte, grey-brown, grainy, thicker in some places."""
    u, shape = plate.unit_px, plate.relief.shape
    patch = _patch(plate, rng, float(rng.uniform(0.1, 0.4)), 0.9)
    grain = fractal(rng, shape, 5 * u, 3, 0.8)
    cover = np.clip(patch * (0.50 + 0.16 * grain + 0.14 * fractal(rng, shape, 40 * u, 4)), 0.0, 0.85)
    soil = linear(104, 92, 76) * float(rng.uniform(0.7, 1.3))
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, soil.astype(np.float32), cover.astype(np.float32)),
        relief=np.asarray(plate.relief + 0.5 * cover * grain, dtype=np.float32),
        metal=np.asarray(plate.metal * (1.0 - cover), dtype=np.float32),
        gloss=np.asarray(plate.gloss * (1.0 - 0.9 * cover), dtype=np.float32),
    )


def _water_marks(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate with dried drops: pale rims around hardly changed middles."""
    u, shape = plate.unit_px, plate.relief.shape
    drops = cells(rng, shape, int(rng.integers(6, 40)))
    radius = drops.of_points((6.0 + rng.gamma(2.0, 9.0, drops.count)) * u)
    inside = radius - drops.distance + 3.0 * u * fractal(rng, shape, 26 * u, 3)
    rim = np.exp(-((inside / (1.6 * u)) ** 2))
    chalk = np.clip(0.42 * rim + 0.12 * step(inside, 0.0, 4.0 * u), 0.0, 0.6)
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, linear(206, 204, 198), chalk.astype(np.float32)),
        gloss=np.asarray(plate.gloss * (1.0 - 0.5 * chalk), dtype=np.float32),
    )


def _brown_stain(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under a dried brown liquid: clear, even, dark rims, no relief; the metal shines on."""
    u = plate.unit_px
    field = fractal(rng, plate.relief.shape, 230 * u, 4, 0.35)
    rank = rank_values(displace(field, 3 * u * field, 3 * u * field))
    fraction = float(rng.uniform(0.05, 0.22))
    inside = 1.0 - step(rank, fraction, fraction * 1.2)
    rim = np.exp(-(((rank - fraction) / (0.12 * fraction)) ** 2)) * inside
    slope_x, slope_y = slopes(field)
    uneven = 0.1 * step(np.abs(slope_x) + np.abs(slope_y), 0.0, 0.05)
    share = np.clip((0.38 + uneven) * inside + 0.22 * rim, 0.0, 0.9)
    brown = linear(112, 82, 48) * float(rng.uniform(0.7, 1.2))
    return replace(
        plate, reflectance=mix_colours(plate.reflectance, brown.astype(np.float32), share.astype(np.float32))
    )
