"""Render the finishes of metal surfaces: machined, cast, blasted, polished, anodised, painted and the like.

Each function returns a clean plate seen from straight above; lengths are in units of 1/360 of the picture's
height.
"""

from __future__ import annotations

import colorsys
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.noise import blur, cells, fractal, speckle, step, streaks
from converter.specimens.plate import Plate, linear, mix_colours
from converter.specimens.spec import Finish, Material, SpecimenSpec
from converter.specimens.surface import render_clean_plate
from converter.specimens.wear import add_specks, scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    from converter.specimens.matte import AnyField
    from converter.specimens.noise import Field, Shape
    from converter.specimens.plate import Colours

PAINT = "paint"
# Of every hundred coats so many have a hue near rust: red oxide, brown, orange, ochre.
_RUSTY_COATS = 0.4


def render_finish(material: Material, shape: Shape, u: float, rng: np.random.Generator) -> tuple[str, Plate]:
    """Return a finish that suits the metal: its name and the clean plate; grain in either direction."""
    if material is Material.GALVANIZED:
        return "galvanized", _of_specimen(material, Finish.ROLLED, shape, u, rng)
    table = _STEEL if material is Material.STEEL else _ALUMINIUM
    name = str(rng.choice(list(table)))
    return name, table[name](shape, u, rng)


def random_paint(rng: np.random.Generator) -> Colours:
    """Return the colour of a coat, linear BGR: any hue; often near that of rust, often white or grey."""
    kind = rng.random()
    if kind < _RUSTY_COATS:
        hue, saturation, value = rng.uniform(-0.02, 0.12), rng.uniform(0.35, 0.95), rng.uniform(0.2, 0.9)
    elif kind < 0.7:
        hue, saturation, value = rng.random(), rng.uniform(0.0, 0.15), rng.uniform(0.1, 0.95)
    else:
        hue, saturation, value = rng.random(), rng.uniform(0.2, 0.95), rng.uniform(0.15, 0.95)
    red, green, blue = colorsys.hsv_to_rgb(float(hue) % 1.0, float(saturation), float(value))
    return linear(round(red * 255), round(green * 255), round(blue * 255))


def _of_specimen(
    material: Material, finish: Finish, shape: Shape, u: float, rng: np.random.Generator
) -> Plate:
    return render_clean_plate(SpecimenSpec(material, finish), shape, u, rng)


def _metal(  # noqa: PLR0913 - one argument per layer
    colour: Colours, tone: AnyField, relief: AnyField, u: float, *, metal: float, gloss: float
) -> Plate:
    """Return a plate of one colour, lighter and darker by ``tone``; it mirrors by ``metal`` and ``gloss``."""
    shape = tone.shape
    nothing = np.zeros(shape, dtype=np.float32)
    return Plate(
        reflectance=np.asarray(cv2.merge([tone * channel for channel in colour]), dtype=np.float32),
        relief=np.asarray(relief, dtype=np.float32),
        metal=np.full(shape, metal, dtype=np.float32),
        gloss=np.full(shape, gloss, dtype=np.float32),
        weakness=nothing,
        coverage=nothing,
        spread=(0.3, 0.3),
        unit_px=u,
    )


def _grey(rng: np.random.Generator, low: int, high: int) -> Colours:
    """Return a grey between two sRGB levels, a little warm or cold."""
    level = float(rng.uniform(low, high))
    warmth = float(rng.normal(0.0, 3.0))
    return linear(round(level + warmth), round(level), round(level - warmth))


def _turned(shape: Shape, u: float, rng: np.random.Generator, colour: Colours) -> Plate:
    """Return faced or milled metal: tool marks on arcs round a centre, bright and dark sectors."""
    centre = rng.uniform(-0.4, 1.4, 2) * (shape[1], shape[0])
    x = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(centre[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(centre[1])
    radius, angle = cv2.cartToPolar(x + 0 * y, y + 0 * x)
    pitch = float(rng.uniform(2.0, 7.0)) * u
    marks = np.sin(radius * np.float32(2 * np.pi / pitch) + fractal(rng, shape, 60 * u, 2))
    lines = speckle(rng, (4096,))
    ring = np.take(lines, np.minimum(radius * np.float32(1.3), 4095).astype(np.int32))
    sectors = np.cos(angle * 2 + np.float32(rng.uniform(0, 6.28))) ** 4
    tone = 0.85 + 0.05 * marks + 0.06 * ring + float(rng.uniform(0.1, 0.5)) * sectors
    return _metal(colour, tone, 0.12 * u * marks, u, metal=0.9, gloss=float(rng.uniform(0.5, 0.9)))


def _milled(shape: Shape, u: float, rng: np.random.Generator, colour: Colours) -> Plate:
    """Return planed metal: straight even tool marks, in passes."""
    pitch = float(rng.uniform(3.0, 12.0)) * u
    y = np.arange(shape[0], dtype=np.float32)[:, None] + fractal(rng, shape, 200 * u, 2)
    marks = np.sin(y * np.float32(2 * np.pi / pitch))
    passes = np.floor(y / np.float32(float(rng.uniform(30, 120)) * u)).astype(np.int32) % 16
    own = np.take(rng.normal(0, 0.07, 16).astype(np.float32), passes)
    tone = 1.0 + 0.06 * marks + own + 0.05 * streaks(rng, shape, 200 * u, 1.2 * u)
    return _metal(colour, tone, 0.2 * u * marks, u, metal=0.9, gloss=float(rng.uniform(0.4, 0.8)))


def _cast(shape: Shape, u: float, rng: np.random.Generator, colour: Colours) -> Plate:
    """Return a cast skin: rough as the sand it was cast in."""
    rough = fractal(rng, shape, float(rng.uniform(5, 14)) * u, 4, 0.7)
    waves = fractal(rng, shape, 90 * u, 3)
    tone = 1.0 + 0.12 * rough + 0.08 * waves
    return _metal(colour, tone, u * (0.6 * rough + 1.0 * waves), u, metal=0.4, gloss=0.35)


def _blasted(shape: Shape, u: float, rng: np.random.Generator, colour: Colours) -> Plate:
    """Return blasted or etched metal: even, matte, finely grained."""
    grain = speckle(rng, shape)
    tone = 1.0 + 0.07 * grain + 0.05 * fractal(rng, shape, 160 * u, 4)
    return _metal(colour, tone, 0.25 * u * grain, u, metal=0.5, gloss=0.3)


def _polished(shape: Shape, u: float, rng: np.random.Generator, colour: Colours) -> Plate:
    """Return polished metal, which shows little but what it mirrors."""
    waves = fractal(rng, shape, 150 * u, 2, 0.3)
    tone = 1.0 + 0.015 * streaks(rng, shape, 200 * u, 1.5 * u)
    plate = _metal(colour, tone, float(rng.uniform(1.0, 5.0)) * u * waves, u, metal=1.0, gloss=1.0)
    return scratch(plate, rng, count=int(rng.integers(0, 12)), depth=0.4)


def _strip(shape: Shape, u: float, rng: np.random.Generator, colour: Colours) -> Plate:
    """Return hot rolled strip in even grey: scale in patches and streaks, scratches, rolled-in marks."""
    rolling = streaks(rng, shape, 300 * u, float(rng.uniform(2, 8)) * u)
    patches = fractal(rng, shape, float(rng.uniform(30, 120)) * u, 6, 0.6)
    scale = step(patches + 0.6 * rolling, 0.3, float(rng.uniform(0.5, 2.0)))
    tone = 1.0 + 0.05 * rolling - float(rng.uniform(0.0, 0.35)) * scale + 0.06 * speckle(rng, shape)
    plate = _metal(colour, tone, 0.2 * u * rolling + 0.4 * u * scale, u, metal=0.35, gloss=0.4)
    specks = add_specks(plate, rng) if rng.random() < 0.4 else plate
    return scratch(specks, rng, count=int(rng.integers(0, 25)))


def _anodised(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return anodised aluminium: a clear colour, or none, over fine drawing lines."""
    natural = rng.random() < 0.4
    hue = colorsys.hsv_to_rgb(float(rng.random()), float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.3, 0.8)))
    colour = _grey(rng, 130, 190) if natural else linear(*(round(255 * part) for part in hue))
    tone = 1.0 + 0.05 * streaks(rng, shape, 400 * u, 1.3 * u) + 0.02 * speckle(rng, shape)
    return _metal(colour, tone, np.zeros(shape, np.float32), u, metal=0.7, gloss=float(rng.uniform(0.4, 0.9)))


def _painted(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a coat of paint: sprayed, rolled, brushed or powder; faded, with a second colour at times."""
    peel = fractal(rng, shape, float(rng.uniform(2.5, 18)) * u, 3, 0.5)
    strokes = streaks(rng, shape, 180 * u, 3 * u) * np.float32(rng.random() < 0.3)
    clouds = fractal(rng, shape, 240 * u, 4)
    faded = np.float32(rng.uniform(0.0, 0.12))
    tone = 1.0 + 0.02 * peel + 0.04 * strokes + faded * clouds + 0.015 * speckle(rng, shape)
    gloss = float(rng.uniform(0.02, 0.7))
    relief = u * float(rng.uniform(0.0, 0.35)) * peel + 0.2 * u * strokes
    plate = _metal(random_paint(rng), tone.astype(np.float32), relief, u, metal=0.0, gloss=gloss)
    if rng.random() < 0.3:
        plate = replace(
            plate, reflectance=mix_colours(plate.reflectance, random_paint(rng), _stencil(shape, u, rng))
        )
    if rng.random() < 0.4:
        plate = add_specks(plate, rng)
    return scratch(plate, rng, count=int(rng.integers(0, 12)), depth=0.5)


def _stencil(shape: Shape, u: float, rng: np.random.Generator) -> Field:
    """Return 1 where a second colour was put on: a band, warning stripes or letters."""
    kind = int(rng.integers(3))
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    if kind == 0:
        at, width = float(rng.uniform(0.1, 0.9)) * shape[0], float(rng.uniform(8, 90)) * u
        return np.asarray(1.0 - step(np.abs(y - at), width, width + 1.5), dtype=np.float32)
    if kind == 1:
        wave = np.sin((x + y) * np.float32(2 * np.pi / (float(rng.uniform(40, 140)) * u)))
        return step(wave, -0.05, 0.05)
    drawn = np.zeros(shape, dtype=np.uint8)
    text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUX0123456789-"), int(rng.integers(2, 9))))
    start = (int(rng.uniform(0.0, 0.5) * shape[1]), int(rng.uniform(0.3, 0.9) * shape[0]))
    scale = float(rng.uniform(0.8, 3.5)) * u
    cv2.putText(
        drawn, text, start, cv2.FONT_HERSHEY_DUPLEX, scale, 255, max(1, round(3 * scale)), cv2.LINE_AA
    )
    return blur(drawn.astype(np.float32) / 255.0, 0.7)


def _sheet(shape: Shape, u: float, rng: np.random.Generator, colour: Colours) -> Plate:
    """Return cold rolled sheet or foil: smooth, faintly clouded."""
    tone = 1.0 + 0.03 * fractal(rng, shape, 200 * u, 5) + 0.03 * streaks(rng, shape, 500 * u, 2 * u)
    plate = _metal(
        colour, tone.astype(np.float32), 0.05 * tone, u, metal=0.85, gloss=float(rng.uniform(0.35, 0.9))
    )
    return scratch(plate, rng, count=int(rng.integers(0, 10)))


def _spangled(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return steel that looks burnt: dark blue-black scale in crackled patches over grey."""
    crackle = cells(rng, shape, max(12, int(shape[0] * shape[1] / (float(rng.uniform(8, 40)) * u) ** 2)))
    own = crackle.of_points(rng.normal(0, 0.12, crackle.count))
    rough = fractal(rng, shape, 20 * u, 5, 0.6)
    tone = np.clip(1.0 + own + 0.12 * rough, 0.3, 2.0)
    colour = linear(*(int(c) for c in rng.integers((40, 42, 48), (78, 80, 92))))
    return _metal(colour, tone.astype(np.float32), 0.4 * u * rough, u, metal=0.5, gloss=0.5)


def _coloured(
    make: Callable[[Shape, float, np.random.Generator, Colours], Plate], low: int, high: int
) -> Callable[[Shape, float, np.random.Generator], Plate]:
    """Return the finish ``make`` in a grey between two sRGB levels."""
    return lambda shape, u, rng: make(shape, u, rng, _grey(rng, low, high))


def _plain(material: Material, finish: Finish) -> Callable[[Shape, float, np.random.Generator], Plate]:
    return lambda shape, u, rng: _of_specimen(material, finish, shape, u, rng)


_STEEL: dict[str, Callable[[Shape, float, np.random.Generator], Plate]] = {
    "brushed": _plain(Material.STEEL, Finish.BRUSHED),
    "rolled": _plain(Material.STEEL, Finish.ROLLED),
    "turned": _coloured(_turned, 110, 190),
    "milled": _coloured(_milled, 110, 190),
    "cast": _coloured(_cast, 50, 120),
    "blasted": _coloured(_blasted, 90, 160),
    "polished": _coloured(_polished, 150, 200),
    "strip": _coloured(_strip, 80, 170),
    "sheet": _coloured(_sheet, 120, 190),
    "burnt": _spangled,
    PAINT: _painted,
    "paint on plate": _painted,
    "paint on sheet": _painted,
}
_ALUMINIUM: dict[str, Callable[[Shape, float, np.random.Generator], Plate]] = {
    "brushed": _plain(Material.ALUMINIUM, Finish.BRUSHED),
    "rolled": _plain(Material.ALUMINIUM, Finish.ROLLED),
    "turned": _coloured(_turned, 150, 215),
    "milled": _coloured(_milled, 150, 215),
    "cast": _coloured(_cast, 110, 180),
    "blasted": _coloured(_blasted, 130, 200),
    "polished": _coloured(_polished, 180, 225),
    "sheet": _coloured(_sheet, 150, 220),
    "anodised": _anodised,
    PAINT: _painted,
    "paint on skin": _painted,
}
