"""Soil a part without corroding it: heat tint, dirt, grease, dust, drops, wet films, brown paint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.noise import blur, cells, fractal, rank_values, speckle, step, streaks
from converter.specimens.plate import linear, mix_colours, repeat_channels
from converter.specimens.wear import scratch, stain
from converter.specimens.worlds.finishes import random_paint

if TYPE_CHECKING:
    from collections.abc import Callable

    from converter.specimens.noise import Field
    from converter.specimens.plate import Plate
    from converter.specimens.worlds.parts import Part

# Heat tint from the seam outwards: grey scale, blue, purple, brown, straw; sRGB and how opaque.
_TINTS = (
    ((120, 118, 116), 0.5),
    ((96, 116, 156), 0.75),
    ((86, 92, 158), 0.8),
    ((120, 78, 128), 0.75),
    ((150, 92, 78), 0.7),
    ((188, 146, 82), 0.6),
    ((210, 190, 140), 0.3),
)
_MUD = ((104, 88, 70), (130, 108, 82), (88, 74, 60), (150, 126, 96), (96, 90, 82), (120, 90, 66))


def tint_by_heat(plate: Plate, part: Part, rng: np.random.Generator) -> Plate:
    """Return a welded part with its bead in bright or dark metal and straw to blue beside it."""
    if part.heat is None or part.bead is None:
        return plate
    strength = float(rng.uniform(0.3, 1.0))
    colours = np.stack([linear(*colour) for colour, _ in _TINTS])
    opaque = np.array([share for _, share in _TINTS])
    at = np.clip(part.heat, 0.0, 1.0) * 255
    knots = np.sort(rng.uniform(0, 255, len(_TINTS) - 1))
    place = np.concatenate([[0.0], knots])
    level = at.astype(np.uint8)
    planes = [
        cv2.LUT(level, np.interp(np.arange(256), place, colours[:, i]).astype(np.float32)) for i in range(3)
    ]
    fade = np.interp(np.arange(256), np.append(place, 255.0), np.append(opaque, 0.0)).astype(np.float32)
    share = strength * np.asarray(cv2.LUT(level, fade)) * (part.heat < 1.0)
    light = 1.0 + 0.15 * fractal(rng, part.heat.shape, 30 * plate.unit_px, 4)
    own = np.asarray(cv2.merge(planes), np.float32) * repeat_channels(np.asarray(light, np.float32))
    tinted = mix_colours(plate.reflectance, own, share.astype(np.float32))
    bead = linear(*(int(c) for c in np.full(3, rng.uniform(60, 190))))
    return replace(
        plate,
        reflectance=mix_colours(tinted, bead, 0.9 * part.bead),
        metal=np.maximum(plate.metal, part.bead),
        gloss=np.maximum(plate.gloss, 0.8 * part.bead),
    )


def soil_part(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate with up to three kinds of soil that are no corrosion."""
    for _ in range(int(rng.integers(0, 4))):
        plate = _SOILS[int(rng.integers(len(_SOILS)))](plate, rng)
    return plate


def brown_part(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under soil of the colours of rust: mud, brown liquid, splashes of paint."""
    browns = (mud, _splashes, _brushed_on, stain)
    return browns[int(rng.integers(len(browns)))](plate, rng)


def mud(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate with dirt: a soft film without relief, or round splashes; greyer than rust."""
    u, shape = plate.unit_px, plate.relief.shape
    colour = linear(*_MUD[int(rng.integers(len(_MUD)))]) * np.float32(rng.uniform(0.7, 1.3))
    grain = fractal(rng, shape, 4 * u, 3, 0.8)
    if rng.random() < 0.4:
        drops = cells(rng, shape, int(rng.integers(20, 300)))
        size = drops.of_points(rng.gamma(1.0, 3.0, drops.count) * u)
        share = 0.9 * step(size - drops.distance, 0.0, 3.0 * u)
    else:
        blot = fractal(rng, shape, float(rng.uniform(60, 240)) * u, 3, 0.4)
        blot = blot + np.float32(rng.uniform(0, 2)) * plate.weakness
        film = 1.0 - step(rank_values(blot.astype(np.float32)), 0.0, float(rng.uniform(0.2, 1.0)))
        share = film * float(rng.uniform(0.2, 0.8))
    share = np.clip(share * (0.9 + 0.12 * grain), 0.0, 0.95)
    return _lay(plate, colour, share, 0.3 * u * share * grain)


def _lay(plate: Plate, colour: np.ndarray, share: Field, relief: Field, gloss: float = 0.05) -> Plate:
    """Return the plate under something of one colour by ``share``."""
    share = np.asarray(share, dtype=np.float32)
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, np.asarray(colour, np.float32), share),
        relief=np.asarray(plate.relief + relief, dtype=np.float32),
        metal=np.asarray(plate.metal * (1.0 - share), dtype=np.float32),
        gloss=np.asarray(plate.gloss * (1.0 - share) + gloss * share, dtype=np.float32),
    )


def _splashes(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return splashes and drips of paint, often red or brown: even colour, sharp edges, some gloss."""
    u, shape = plate.unit_px, plate.relief.shape
    drops = cells(rng, shape, int(rng.integers(8, 120)))
    size = drops.of_points(rng.gamma(1.2, 4.0, drops.count) * u)
    spot = step(size - drops.distance + 1.5 * u * fractal(rng, shape, 20 * u, 3), 0.0, 1.5)
    return _lay(
        plate, random_paint(rng), 0.95 * spot, 0.6 * u * blur(spot, 1.5), float(rng.uniform(0.1, 0.6))
    )


def _brushed_on(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return a stroke or field of paint or primer, brushed on."""
    u, shape = plate.unit_px, plate.relief.shape
    bristles = streaks(rng, shape, 160 * u, 2.5 * u)
    if rng.random() < 0.5:
        bristles = np.ascontiguousarray(streaks(rng, shape[::-1], 160 * u, 2.5 * u).T)
    field = fractal(rng, shape, 200 * u, 3) + 0.25 * bristles
    cover = 1.0 - step(rank_values(field.astype(np.float32)), 0.0, 1.0)
    share = step(cover, 1.0 - float(rng.uniform(0.15, 0.8)), 1.02)
    colour = random_paint(rng)
    return _lay(plate, colour, 0.92 * share, 0.3 * u * share * bristles, float(rng.uniform(0.05, 0.4)))


def _grease(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return smears of grease or soot: dark, wet."""
    u, shape = plate.unit_px, plate.relief.shape
    smear = fractal(rng, shape, 90 * u, 5, 0.5) + 0.6 * streaks(rng, shape, 160 * u, 8 * u) + plate.weakness
    cover = 1.0 - step(rank_values(smear.astype(np.float32)), 0.02, float(rng.uniform(0.1, 0.6)))
    return _lay(
        plate,
        linear(30, 27, 24),
        float(rng.uniform(0.3, 0.8)) * cover,
        0.0 * cover,
        float(rng.uniform(0.1, 0.7)),
    )


def _wet(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return the plate under a film of water: darker and shining, with an edge."""
    u, shape = plate.unit_px, plate.relief.shape
    film = 1.0 - step(rank_values(fractal(rng, shape, 160 * u, 5, 0.5)), 0.4, 0.43) * np.float32(
        rng.random() < 0.6
    )
    darker = repeat_channels((1.0 - float(rng.uniform(0.2, 0.5)) * film).astype(np.float32))
    return replace(
        plate,
        reflectance=np.asarray(plate.reflectance * darker, np.float32),
        gloss=np.maximum(plate.gloss, 0.8 * film).astype(np.float32),
        relief=np.asarray(plate.relief + 0.8 * u * film, np.float32),
    )


def _drops(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return drops of water: domes with a dark rim and a light."""
    u, shape = plate.unit_px, plate.relief.shape
    drops = cells(rng, shape, int(rng.integers(15, 260)))
    size = drops.of_points((1.0 + rng.gamma(1.6, 2.2, drops.count)) * u)
    dome = np.sqrt(np.clip(size**2 - drops.distance**2, 0, None))
    on = step(dome, 0.0, 1.5)
    dark = repeat_channels((1.0 - 0.25 * on).astype(np.float32))
    return replace(
        plate,
        reflectance=np.asarray(plate.reflectance * dark, np.float32),
        relief=np.asarray(plate.relief + 0.5 * dome, np.float32),
        gloss=np.maximum(plate.gloss, on).astype(np.float32),
    )


def _dust(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return pale dust over all of it, thicker in corners."""
    shape = plate.relief.shape
    colour = linear(
        *((170, 160, 142), (190, 186, 178), (150, 128, 104), (120, 116, 110))[int(rng.integers(4))]
    )
    veil = (
        0.3
        + 0.12 * fractal(rng, shape, 120 * plate.unit_px, 5)
        + 0.08 * speckle(rng, shape)
        + 0.3 * plate.weakness
    )
    return _lay(
        plate, colour, np.clip(veil * float(rng.uniform(0.3, 1.6)), 0.0, 0.85), np.zeros(shape, np.float32)
    )


def _marked(plate: Plate, rng: np.random.Generator) -> Plate:
    """Return chalk, marker or a label with print on it."""
    u, shape = plate.unit_px, plate.relief.shape
    drawn = np.zeros(shape, dtype=np.uint8)
    at = (int(rng.uniform(0.0, 0.6) * shape[1]), int(rng.uniform(0.2, 0.9) * shape[0]))
    text = "".join(rng.choice(list("0123456789ABKLMX-/"), int(rng.integers(1, 7))))
    if rng.random() < 0.5:
        corner = (at[0] + int(rng.uniform(30, 150) * u), at[1] + int(rng.uniform(20, 80) * u))
        cv2.rectangle(drawn, at, corner, 255, -1)
        plate = _lay(
            plate, linear(225, 222, 212), drawn.astype(np.float32) / 255.0, np.zeros(shape, np.float32)
        )
        drawn[:] = 0
    size = float(rng.uniform(0.5, 2.2)) * u
    cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, max(1, round(2 * size)), cv2.LINE_AA)
    return _lay(plate, random_paint(rng), 0.9 * drawn.astype(np.float32) / 255.0, np.zeros(shape, np.float32))


def _scratched(plate: Plate, rng: np.random.Generator) -> Plate:
    return scratch(plate, rng, count=int(rng.integers(4, 40)), depth=float(rng.uniform(0.4, 1.2)))


_SOILS: tuple[Callable[[Plate, np.random.Generator], Plate], ...] = (
    mud, _grease, _wet, _drops, _dust, _marked, _scratched, _splashes, stain, _brushed_on,
)  # fmt: skip
