"""The clean plate of a rendered specimen: reflectance, relief and gloss of metal, paint, scratches, stains.

Lengths are given in units of 1/360 of the picture's height, so that a plate looks alike at every size.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from converter.specimen_noise import (
    Field,
    Shape,
    blurred,
    cells,
    displaced,
    fractal,
    ranked,
    slopes,
    speckle,
    step,
    streaks,
)
from converter.specimen_spec import Finish, Material, SpecimenSpec

Colours = npt.NDArray[np.float32]

# sRGB as picked by eye from photographs; red oxide and ochre are there because they look like rust.
_PAINTS = (
    (214, 214, 206),
    (150, 158, 162),
    (36, 78, 150),
    (58, 104, 84),
    (186, 152, 44),
    (136, 62, 48),
    (196, 188, 160),
    (84, 92, 98),
)


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


def mixed(base: Colours, colour: Colours, share: Field) -> Colours:
    """Return ``base`` covered with ``colour``, ``(3,)`` or a shape like ``base``, by ``share``, 0 to 1."""
    if colour.ndim == 1:
        return np.asarray(
            cv2.merge([plane + (colour[i] - plane) * share for i, plane in enumerate(cv2.split(base))]),
            dtype=np.float32,
        )
    return np.asarray(base + (colour - base) * threefold(share), dtype=np.float32)


def threefold(field: Field) -> Colours:
    """Return ``field`` once a channel: numpy multiplies whole pictures faster than it broadcasts threes."""
    return np.asarray(cv2.merge((field, field, field)), dtype=np.float32)


def clean_plate(spec: SpecimenSpec, shape: Shape, unit_px: float, rng: np.random.Generator) -> Plate:
    """Return the plate of ``spec`` before any corrosion, ``shape`` = (height, width) in px."""
    if spec.finish is Finish.PAINTED:
        return _painted(shape, unit_px, rng)
    if spec.material is Material.GALVANIZED:
        plate = _galvanized(shape, unit_px, rng)
    elif spec.material is Material.ALUMINIUM:
        plate = _aluminium(shape, unit_px, rng, brushed=spec.finish is Finish.BRUSHED)
    elif spec.finish is Finish.ROLLED or (spec.finish is not Finish.BRUSHED and rng.random() < 0.4):
        plate = _mill_scale(shape, unit_px, rng)
    else:
        plate = _brushed_steel(shape, unit_px, rng)
    if spec.finish is Finish.SCRATCHED:
        return _scratched(plate, rng, count=int(rng.integers(12, 40)))
    if spec.finish is Finish.STAINED:
        return _stained(plate, rng)
    return _scratched(plate, rng, count=int(rng.integers(0, 6)))


@dataclass(frozen=True, slots=True)
class _Sheen:
    """How bare metal throws back a highlight: its width along and across the grain, and its strength."""

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
    scale = linear(92, 96, 103) * float(rng.uniform(0.7, 1.25))
    relief = np.asarray(0.25 * mottle + 0.10 * rolling, dtype=np.float32)
    plate = _bare(scale, np.asarray(tone, dtype=np.float32), relief, _Sheen(0.35, 0.45, 0.4), u)
    fine = fractal(rng, shape, 5 * u, 2, 0.7)
    worn = step(0.8 * mottle + 0.9 * clouds + 1.0 * rolling + 0.5 * fine, 2.3, 4.6)
    return replace(
        plate,
        reflectance=mixed(plate.reflectance, linear(150, 150, 149), 0.55 * worn),
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
    even = blurred(np.asarray(tone, dtype=np.float32), 0.6 * u)
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
        reflectance=mixed(plate.reflectance, 0.4 * plate.reflectance, nick),
        relief=np.asarray(plate.relief - 0.8 * nick, dtype=np.float32),
    )


def _painted(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a coat of paint with orange peel, dust marks, and chips that bare a grey primer."""
    colour = linear(*_PAINTS[int(rng.integers(len(_PAINTS)))]) * float(rng.uniform(0.85, 1.1))
    peel = fractal(rng, shape, float(rng.uniform(7, 16)) * u, 3, 0.4)
    clouds = fractal(rng, shape, 220 * u, 4)
    runs = streaks(rng, (shape[1], shape[0]), 180 * u, 10 * u).T
    tone = 1.0 + 0.02 * peel + 0.05 * clouds + 0.03 * runs + 0.015 * speckle(rng, shape)
    gloss = float(rng.uniform(0.10, 0.45))
    relief = (0.22 * peel).astype(np.float32)
    coat = _bare(colour, np.asarray(tone, dtype=np.float32), relief, _Sheen(0.16, 0.16, gloss), u)
    dust = linear(126, 116, 100)
    grime = 0.25 * step(clouds + 0.35 * runs, -0.5, 3.0)
    plate = replace(
        coat,
        reflectance=mixed(coat.reflectance, dust, grime.astype(np.float32)),
        metal=np.zeros(shape, dtype=np.float32),
    )
    return _chipped(_scratched(plate, rng, count=int(rng.integers(3, 14)), depth=0.5), rng)


def _chipped(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return a painted plate with chips down to grey primer; corrosion will begin there."""
    u, shape = plate.unit_px, plate.relief.shape
    spots = cells(rng, shape, int(rng.integers(3, 16)))
    radius = spots.of_points((1.0 + rng.gamma(1.5, 2.2, spots.count)) * u)
    chip = step(radius - spots.distance + 2.5 * u * fractal(rng, shape, 12 * u, 3, 0.6), 0.0, 1.2)
    return replace(
        plate,
        reflectance=mixed(plate.reflectance, linear(128, 128, 126), 0.85 * chip),
        relief=np.asarray(plate.relief - 1.2 * chip, dtype=np.float32),
        gloss=np.asarray(plate.gloss * (1.0 - 0.7 * chip), dtype=np.float32),
        weakness=np.maximum(plate.weakness, blurred(chip, 3 * u)),
    )


def _scratched(plate: Plate, rng: np.random.Generator, *, count: int, depth: float = 1.0) -> Plate:
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
        reflectance=mixed(plate.reflectance, bright, (0.55 * depth * line).astype(np.float32)),
        relief=np.asarray(plate.relief - 1.1 * depth * line, dtype=np.float32),
        weakness=np.maximum(plate.weakness, np.minimum(1.0, 2.0 * blurred(line, 2.0 * u)).astype(np.float32)),
    )


def _stained(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under one or two stains that are no corrosion."""
    kinds = (_oil, _dirt, _water_marks, _brown_stain)
    chosen = rng.choice(len(kinds), size=int(rng.integers(1, 3)), replace=False)
    for index in chosen:
        plate = kinds[int(index)](plate, rng)
    return _scratched(plate, rng, count=int(rng.integers(0, 8)))


def _patch(plate: Plate, rng: np.random.Generator, fraction: float, softness: float) -> Field:
    """Return a blot over ``fraction`` of the plate, with an edge of ``softness`` (0 sharp to 1)."""
    u, shape = plate.unit_px, plate.relief.shape
    blot = fractal(rng, shape, 200 * u, 5, 0.42)
    sag = streaks(rng, (shape[1], shape[0]), 260 * u, 26 * u).T
    rank = ranked(np.asarray(blot + 0.45 * sag, dtype=np.float32))
    return 1.0 - step(rank, fraction, fraction * (1.0 + 0.05 + softness))


def _oil(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under a thin film of oil: darker, smoother, a wet highlight."""
    film = _patch(plate, rng, float(rng.uniform(0.06, 0.3)), 0.12)
    thickness = film * (0.75 + 0.12 * fractal(rng, film.shape, 50 * plate.unit_px, 4))
    tint = linear(70, 58, 40)
    return replace(
        plate,
        reflectance=mixed(plate.reflectance, tint, np.clip(0.72 * thickness, 0.0, 1.0).astype(np.float32)),
        relief=np.asarray(plate.relief * (1.0 - 0.8 * film) + 0.6 * blurred(film, 1.5), dtype=np.float32),
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
        reflectance=mixed(plate.reflectance, soil.astype(np.float32), cover.astype(np.float32)),
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
        reflectance=mixed(plate.reflectance, linear(206, 204, 198), chalk.astype(np.float32)),
        gloss=np.asarray(plate.gloss * (1.0 - 0.5 * chalk), dtype=np.float32),
    )


def _brown_stain(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under a dried brown liquid: clear, even, dark rims, no relief; the metal shines on."""
    u = plate.unit_px
    field = fractal(rng, plate.relief.shape, 230 * u, 4, 0.35)
    rank = ranked(displaced(field, 3 * u * field, 3 * u * field))
    fraction = float(rng.uniform(0.05, 0.22))
    inside = 1.0 - step(rank, fraction, fraction * 1.2)
    rim = np.exp(-(((rank - fraction) / (0.12 * fraction)) ** 2)) * inside
    slope_x, slope_y = slopes(field)
    uneven = 0.1 * step(np.abs(slope_x) + np.abs(slope_y), 0.0, 0.05)
    share = np.clip((0.38 + uneven) * inside + 0.22 * rim, 0.0, 0.9)
    brown = linear(112, 82, 48) * float(rng.uniform(0.7, 1.2))
    return replace(
        plate, reflectance=mixed(plate.reflectance, brown.astype(np.float32), share.astype(np.float32))
    )
