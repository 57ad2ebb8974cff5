"""Render the clean plate of a specimen: bare metal by kind and finish, or a coat of paint.

Lengths are given in units of 1/360 of the picture's height, so that a plate looks alike at every size.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from converter.specimens.noise import Field, Shape, blur, cells, fractal, speckle, step, streaks
from converter.specimens.plate import Colours, Plate, linear, mix_colours
from converter.specimens.spec import Finish, Material, SpecimenSpec
from converter.specimens.wear import add_specks, chip, scratch, stain

# sRGB as picked by eye from photographs; red oxide and ochre are there because they look like rust.
_PAINTS = (
    (214, 214, 206),
    (150, 158, 162),
    (36, 78, 150),
    (58, 104, 84),
    (186, 152, 44),
    (118, 50, 38),
    (196, 188, 160),
    (84, 92, 98),
)

# Plates are mounted with their grain either way.
_UPRIGHT_SHARE = 0.4


def render_clean_plate(spec: SpecimenSpec, shape: Shape, unit_px: float, rng: np.random.Generator) -> Plate:
    """Render the plate of ``spec`` before any corrosion, ``shape`` = (height, width) in px."""
    if spec.finish is Finish.PAINTED:
        return _painted(shape, unit_px, rng)
    plate = _bare_metal(spec, shape, unit_px, rng)
    if spec.finish is Finish.SCRATCHED:
        return scratch(plate, rng, count=int(rng.integers(12, 40)))
    if spec.finish is Finish.STAINED:
        return stain(plate, rng)
    return scratch(plate, rng, count=int(rng.integers(0, 6)))


def _bare_metal(spec: SpecimenSpec, shape: Shape, unit_px: float, rng: np.random.Generator) -> Plate:
    """Return the metal alone, its grain along x or, for four in ten specimens, along y."""
    upright = bool(rng.random() < _UPRIGHT_SHARE)
    lying = (shape[1], shape[0]) if upright else shape
    if spec.material is Material.GALVANIZED:
        plate = _galvanized(lying, unit_px, rng)
    elif spec.material is Material.ALUMINIUM:
        plate = _aluminium(lying, unit_px, rng, brushed=spec.finish is Finish.BRUSHED)
    elif spec.finish is Finish.ROLLED or (spec.finish is not Finish.BRUSHED and rng.random() < 0.4):
        plate = _mill_scale(lying, unit_px, rng)
    else:
        plate = _brushed_steel(lying, unit_px, rng)
    return _transpose(plate) if upright else plate


def _transpose(plate: Plate) -> Plate:
    """Return the plate with x and y exchanged."""
    return Plate(
        reflectance=np.ascontiguousarray(plate.reflectance.transpose(1, 0, 2)),
        relief=np.ascontiguousarray(plate.relief.T),
        metal=np.ascontiguousarray(plate.metal.T),
        gloss=np.ascontiguousarray(plate.gloss.T),
        weakness=np.ascontiguousarray(plate.weakness.T),
        coverage=np.ascontiguousarray(plate.coverage.T),
        spread=(plate.spread[1], plate.spread[0]),
        unit_px=plate.unit_px,
    )


@dataclass(frozen=True, slots=True)
class _Sheen:
    """The highlight on bare metal: its width along and across the grain, and its strength."""

    along: float
    across: float
    gloss: float


def _bare(colour: Colours, tone: Field, relief: Field, sheen: _Sheen, unit_px: float) -> Plate:
    """Return bare metal of one colour, lighter and darker by the factor ``tone``."""
    shape = tone.shape
    return Plate(
        reflectance=np.asarray(cv2.merge([tone * channel for channel in colour]), dtype=np.float32),
        relief=relief,
        metal=np.ones(shape, dtype=np.float32),
        gloss=np.full(shape, sheen.gloss, dtype=np.float32),
        weakness=np.zeros(shape, dtype=np.float32),
        coverage=np.zeros(shape, dtype=np.float32),
        spread=(sheen.along, sheen.across),
        unit_px=unit_px,
    )


def _lines(rng: np.random.Generator, shape: Shape, u: float) -> Field:
    """Return brushing along x: long fine lines, a few deeper ones, in bundles."""
    fine = streaks(rng, shape, 260 * u, 1.0 * u)
    short = streaks(rng, shape, 60 * u, 1.3 * u)
    bundles = streaks(rng, shape, 700 * u, 9 * u)
    return np.asarray(0.6 * fine + 0.5 * short + 0.35 * bundles, dtype=np.float32)


def _brushed_steel(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    lines = _lines(rng, shape, u)
    clouds = fractal(rng, shape, 150 * u, 5)
    tone = 1.0 + 0.085 * lines + 0.05 * clouds + 0.02 * speckle(rng, shape)
    colour = linear(164, 165, 167) * float(rng.uniform(0.75, 1.0))
    sheen = _Sheen(0.16, 0.55, float(rng.uniform(0.6, 0.95)))
    return _bare(colour, np.asarray(tone, dtype=np.float32), 0.10 * lines, sheen, u)


def _mill_scale(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return hot rolled steel: blue-grey scale, mottled, rolling lines, worn lighter in places."""
    mottle = fractal(rng, shape, 26 * u, 5, 0.6)
    clouds = fractal(rng, shape, 240 * u, 5)
    rolling = streaks(rng, shape, 500 * u, 4 * u) + 0.6 * streaks(rng, shape, 240 * u, 1.2 * u)
    tone = 1.0 + 0.09 * mottle + 0.13 * clouds + 0.06 * rolling + 0.05 * speckle(rng, shape)
    scale = linear(92, 94, 98) * float(rng.uniform(0.7, 1.25))
    relief = np.asarray(0.25 * mottle + 0.10 * rolling, dtype=np.float32)
    plate = _bare(scale, np.asarray(tone, dtype=np.float32), relief, _Sheen(0.35, 0.45, 0.4), u)
    fine = fractal(rng, shape, 5 * u, 2, 0.7)
    worn = step(0.8 * mottle + 0.9 * clouds + 1.0 * rolling + 0.5 * fine, 2.3, 5.2)
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, linear(146, 146, 145), 0.50 * worn),
        metal=np.asarray(0.55 + 0.45 * worn, dtype=np.float32),
    )


def _galvanized(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return hot-dip zinc: crystals of one tone each, feathered along their own direction."""
    spangle = cells(rng, shape, max(8, int(shape[0] * shape[1] / (float(rng.uniform(22, 52)) * u) ** 2)))
    edge_x, edge_y = fractal(rng, shape, 14 * u, 4, 0.6), fractal(rng, shape, 14 * u, 4, 0.6)
    rows = np.clip(np.arange(shape[0], dtype=np.float32)[:, None] + 2.5 * u * edge_y, 0, shape[0] - 1).astype(
        np.int32
    )
    columns = np.clip(
        np.arange(shape[1], dtype=np.float32)[None, :] + 2.5 * u * edge_x, 0, shape[1] - 1
    ).astype(np.int32)
    crystal = spangle.number[rows, columns]
    feather = _feathers(rng, shape, crystal, spangle.count, u)
    brightness = np.clip(rng.normal(1.0, 0.17, spangle.count), 0.55, 1.5).astype(np.float32)
    # The middle of a crystal froze first and is a little brighter than its rim.
    core = np.exp(-spangle.distance / np.float32(16 * u))
    tone = np.take(brightness, crystal) * (1.0 + 0.035 * feather + 0.10 * core)
    tone = tone + 0.06 * fractal(rng, shape, 130 * u, 5) + 0.03 * speckle(rng, shape)
    zinc = linear(150, 155, 160) * float(rng.uniform(0.85, 1.1))
    even = blur(np.asarray(tone, dtype=np.float32), 0.6 * u)
    return _bare(zinc, even, 0.03 * feather, _Sheen(0.5, 0.5, 0.45), u)


def _feathers(
    rng: np.random.Generator, shape: Shape, crystal: npt.NDArray[np.int32], count: int, u: float
) -> Field:
    """Return fine lines that run in one direction per crystal."""
    texture = streaks(rng, (512, 512), 26 * u, 1.2 * u)
    angle = rng.uniform(0.0, np.pi, count)
    cosine = np.take(np.cos(angle).astype(np.float32), crystal)
    sine = np.take(np.sin(angle).astype(np.float32), crystal)
    x = np.arange(shape[1], dtype=np.float32)[None, :]
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    turned = cv2.remap(
        texture, cosine * x + sine * y, cosine * y - sine * x, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return np.asarray(turned, dtype=np.float32)


def _aluminium(shape: Shape, u: float, rng: np.random.Generator, *, brushed: bool) -> Plate:
    """Return rolled or brushed aluminium: fine lines, dark specks and small nicks."""
    lines = _lines(rng, shape, u)
    strength = float(rng.uniform(0.07, 0.12) if brushed else rng.uniform(0.025, 0.06))
    clouds = fractal(rng, shape, 200 * u, 4)
    tone = 1.0 + strength * lines + 0.03 * clouds + 0.02 * speckle(rng, shape)
    colour = linear(184, 186, 190) * float(rng.uniform(0.85, 1.0))
    sheen = _Sheen(0.20, 0.60, 0.75) if brushed else _Sheen(0.30, 0.50, 0.75)
    plate = _bare(colour, np.asarray(tone, dtype=np.float32), strength * lines, sheen, u)
    specks = cells(rng, shape, max(4, int(shape[0] * shape[1] / (48 * u) ** 2)))
    radius = specks.of_points(rng.gamma(1.2, 0.55, specks.count) * u)
    nick = step(radius - specks.distance + 0.4 * fractal(rng, shape, 3 * u, 2), 0.0, 1.0)
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, 0.4 * plate.reflectance, nick),
        relief=np.asarray(plate.relief - 0.8 * nick, dtype=np.float32),
    )


def _painted(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a coat of paint with orange peel, dust marks, and chips that bare a grey primer."""
    colour = linear(*_PAINTS[int(rng.integers(len(_PAINTS)))]) * float(rng.uniform(0.85, 1.1))
    peel = fractal(rng, shape, float(rng.uniform(7, 16)) * u, 3, 0.4)
    clouds = fractal(rng, shape, 220 * u, 4)
    runs = streaks(rng, (shape[1], shape[0]), 180 * u, 10 * u).T
    tone = 1.0 + 0.02 * peel + 0.05 * clouds + 0.03 * runs + 0.02 * speckle(rng, shape)
    gloss = float(rng.uniform(0.10, 0.45))
    relief = (0.22 * peel).astype(np.float32)
    coat = _bare(colour, np.asarray(tone, dtype=np.float32), relief, _Sheen(0.16, 0.16, gloss), u)
    dust = linear(126, 116, 100)
    grime = 0.25 * step(clouds + 0.35 * runs, -0.5, 3.0)
    plate = replace(
        coat,
        reflectance=mix_colours(coat.reflectance, dust, grime.astype(np.float32)),
        metal=np.zeros(shape, dtype=np.float32),
    )
    dusty = add_specks(plate, rng)
    return chip(scratch(dusty, rng, count=int(rng.integers(3, 14)), depth=0.5), rng)
