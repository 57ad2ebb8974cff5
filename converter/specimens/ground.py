"""Render walls, floors and bare ground: concrete, gravel, soil, sand, rock, brick.

Lengths are given in units of 1/360 of the picture's height, as those of plates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.matte import (
    Palette,
    choose_colour,
    draw_stalks,
    jitter_colour,
    make_matte,
    tone_colours,
)
from converter.specimens.noise import blur, cells, fractal, speckle, step, streaks
from converter.specimens.plate import linear, mix_colours

if TYPE_CHECKING:
    from converter.specimens.noise import Field, Shape
    from converter.specimens.plate import Colours, Plate

_TILES = ((216, 210, 200), (120, 150, 160), (196, 176, 150))
_BRICKS = ((150, 76, 56), (172, 98, 70), (124, 62, 48), (190, 150, 110))


def concrete(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a cast wall or screed: clouds, pores, grains of sand, marks of boards, a crack or two."""
    clouds = fractal(rng, shape, 150 * u, 6, 0.55)
    grain = fractal(rng, shape, 5 * u, 3, 0.7)
    tone = 1.0 + 0.07 * clouds + 0.05 * grain + 0.03 * speckle(rng, shape)
    relief = 0.35 * u * grain
    if rng.random() < 0.4:  # the boards that it was cast between
        boards = streaks(rng, shape, 900 * u, float(rng.uniform(20, 60)) * u)
        tone = tone + 0.04 * boards
        relief = relief + 0.5 * u * boards
    pores = cells(rng, shape, max(6, int(shape[0] * shape[1] / (float(rng.uniform(14, 40)) * u) ** 2)))
    hole = step(pores.of_points(rng.gamma(1.3, 0.9, pores.count) * u) - pores.distance, 0.0, 1.2)
    crack = np.maximum(hole, _cracks(rng, shape, u, int(rng.integers(0, 3))))
    colour = choose_colour(rng, ((168, 165, 158), (140, 138, 134), (186, 180, 168), (120, 116, 110)))
    reflectance = mix_colours(tone_colours(colour, tone.astype(np.float32)), 0.25 * colour, crack)
    damp = step(fractal(rng, shape, 220 * u, 4), 0.9, 1.6) * np.float32(rng.uniform(0.0, 0.5))
    relief = np.asarray(relief - 1.5 * u * crack, dtype=np.float32)
    return make_matte(mix_colours(reflectance, 0.4 * colour, damp), relief, u)


def gravel(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return gravel, cobbles or asphalt."""
    palette = (
        ((150, 146, 140), (120, 116, 112), (172, 160, 144), (104, 98, 94)),
        ((70, 70, 72), (86, 85, 84), (58, 58, 60), (120, 118, 116)),
        ((170, 150, 122), (128, 104, 80), (196, 186, 170), (96, 84, 74)),
    )[int(rng.integers(3))]
    size = float(np.exp(rng.uniform(np.log(4.0), np.log(40.0))))
    reflectance, relief = _stones(rng, shape, u, size, palette)
    return make_matte(reflectance, relief, u)


def soil(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return bare earth: clods and crumbs, a few stones and dry stalks."""
    rough = fractal(rng, shape, float(rng.uniform(20, 70)) * u, 7, 0.75)
    crumbs = fractal(rng, shape, 4 * u, 3, 0.7)
    tone = np.clip(1.0 + 0.22 * rough + 0.18 * crumbs + 0.06 * speckle(rng, shape), 0.2, None)
    colour = choose_colour(rng, ((92, 78, 64), (112, 92, 72), (72, 64, 56), (128, 108, 90), (104, 74, 58)))
    reflectance = tone_colours(colour, tone.astype(np.float32))
    stones, domes = _stones(rng, shape, u, 26, ((150, 142, 130), (120, 108, 96)))
    bare = step(fractal(rng, shape, 30 * u, 3), 1.6, 1.8)
    reflectance = mix_colours(reflectance, stones, bare)
    draw_stalks(reflectance, rng, u, int(rng.integers(0, 60)), ((170, 148, 104), (140, 116, 78)))
    return make_matte(reflectance, 3.0 * u * rough + 1.4 * u * crumbs + 0.4 * bare * domes, u)


def sand(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return sand, often with ripples of the wind."""
    grains = speckle(rng, shape)
    y = np.arange(shape[0], dtype=np.float32)[:, None] / np.float32(float(rng.uniform(14, 40)) * u)
    bent = fractal(rng, shape, 160 * u, 3) * np.float32(1.5)
    ripples = np.sin(2 * np.pi * y + bent) * np.float32(rng.uniform(0.0, 1.0))
    tone = 1.0 + 0.10 * grains + 0.06 * fractal(rng, shape, 90 * u, 4) + 0.04 * ripples
    colour = choose_colour(rng, ((206, 186, 150), (188, 160, 120), (222, 212, 190), (170, 140, 104)))
    relief = 1.6 * u * ripples + 0.4 * u * grains
    return make_matte(tone_colours(colour, tone.astype(np.float32)), relief.astype(np.float32), u)


def rock(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return broken rock: faces at different slopes, cracks and lichen."""
    faces = cells(rng, shape, int(rng.integers(20, 90)))
    slope = faces.of_points(rng.normal(0, 1, faces.count))
    rough = fractal(rng, shape, 60 * u, 7, 0.65)
    edge = step(faces.distance / np.float32(1 + faces.distance.max()) + 0.05 * rough, 0.55, 0.8)
    tone = np.clip(1.0 + 0.14 * slope + 0.16 * rough + 0.05 * speckle(rng, shape), 0.2, None)
    colour = choose_colour(
        rng, ((138, 130, 122), (110, 104, 100), (160, 146, 126), (126, 104, 88), (96, 98, 104))
    )
    crack = np.maximum(0.6 * edge, _cracks(rng, shape, u, int(rng.integers(4, 14))))
    reflectance = mix_colours(tone_colours(colour, tone.astype(np.float32)), 0.3 * colour, crack)
    lichen = step(fractal(rng, shape, 26 * u, 5, 0.7), float(rng.uniform(0.8, 2.5)), 2.6)
    spots = choose_colour(rng, ((176, 178, 140), (190, 150, 60), (200, 200, 192)))
    relief = 5.0 * u * blur(slope, 6 * u) + 3.0 * u * rough - 3.0 * u * crack
    return make_matte(mix_colours(reflectance, spots, 0.8 * lichen), relief, u)


def brick(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a wall of bricks, or of tiles, in mortar."""
    tiled = rng.random() < 0.25
    high = float(rng.uniform(26, 80)) * u
    wide = high * (1.0 if tiled else float(rng.uniform(2.2, 3.4)))
    warp = 1.2 * u * fractal(rng, shape, 40 * u, 4, 0.6)
    y = np.arange(shape[0], dtype=np.float32)[:, None] + warp
    row = np.floor(y / high).astype(np.int32)
    x = np.arange(shape[1], dtype=np.float32)[None, :] + warp + (0.0 if tiled else 0.5 * wide) * (row % 2)
    column = np.floor(x / wide).astype(np.int32)
    joint = np.minimum.reduce([y % high, high - y % high, x % wide, wide - x % wide])
    number = (row * 977 + column) % 4096
    own = rng.normal(1.0, 0.05 if tiled else 0.16, 4096).astype(np.float32)
    rough = fractal(rng, shape, 9 * u, 4, 0.7)
    tone = np.take(own, number) * (1.0 + (0.02 if tiled else 0.13) * rough)
    face = tone_colours(choose_colour(rng, _TILES if tiled else _BRICKS), tone.astype(np.float32))
    width = float(rng.uniform(1.0, 2.5) if tiled else rng.uniform(2.5, 5.0)) * u
    mortar = 1.0 - step(joint.astype(np.float32), width - 1.0 * u, width + 0.8 * u)
    grey = tone_colours(jitter_colour(rng, 176, 168, 156), 1.0 + 0.1 * rough)
    relief = (0.1 if tiled else 0.8) * u * rough - 2.5 * u * mortar
    return make_matte(mix_colours(face, grey, mortar), relief, u, gloss=0.35 if tiled else 0.04)


def _stones(
    rng: np.random.Generator,
    shape: Shape,
    u: float,
    size: float,
    palette: Palette,
) -> tuple[Colours, Field]:
    """Return loose stones of about ``size`` units: each of its own colour, dark between them."""
    stones = cells(rng, shape, max(8, int(shape[0] * shape[1] / (size * u) ** 2)))
    numbers = rng.integers(len(palette), size=stones.count)
    own = np.array([linear(*palette[number]) for number in numbers], dtype=np.float32)
    own = own * rng.uniform(0.6, 1.3, (stones.count, 1)).astype(np.float32)
    colours = np.asarray(np.take(own, stones.number, axis=0), dtype=np.float32)
    rough = fractal(rng, shape, 0.5 * size * u, 4, 0.6)
    away = stones.distance / np.float32(0.62 * size * u) + 0.12 * rough
    between = step(np.asarray(away, dtype=np.float32), 0.75, 1.15)
    dome = np.sqrt(np.clip(1.0 - away**2, 0.0, 1.0)).astype(np.float32) * np.float32(0.35 * size * u)
    grained = colours * cv2.merge([1.0 + 0.12 * rough + 0.05 * speckle(rng, shape)] * 3)
    return mix_colours(grained.astype(np.float32), linear(30, 27, 24), between), dome


def _cracks(rng: np.random.Generator, shape: Shape, u: float, count: int) -> Field:
    """Return 1 in thin wandering cracks, 0 elsewhere."""
    drawn = np.zeros(shape, dtype=np.uint8)
    for _ in range(count):
        angle = float(rng.uniform(0, 2 * np.pi))
        steps = np.cumsum(rng.normal(0.0, 0.35, 60)) * 0.4 + angle
        path = np.cumsum(np.stack([np.cos(steps), np.sin(steps)], axis=1) * 9 * u, axis=0)
        points = path + rng.uniform(0, 1, 2) * (shape[1], shape[0])
        cv2.polylines(
            drawn, [points.astype(np.int32)], isClosed=False, color=255, thickness=max(1, round(1.2 * u))
        )
    return blur((drawn / np.float32(255)).astype(np.float32), 0.5 * u)
