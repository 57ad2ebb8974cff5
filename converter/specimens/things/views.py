"""Render views wider than a surface: rooms, landscapes, terrain from above, and the textures of games."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.ground import brick, concrete, gravel, rock, sand, soil
from converter.specimens.matte import choose_colour, make_matte, tone_colours
from converter.specimens.noise import fractal, step
from converter.specimens.plants import wood
from converter.specimens.plate import linear, mix_colours
from converter.specimens.things.goods import any_colour, pattern_cloth
from converter.specimens.things.mottled import bark, marble, mud, plaster

if TYPE_CHECKING:
    from converter.specimens.noise import Shape
    from converter.specimens.plate import Colours, Plate

_GROUNDS = (brick, concrete, gravel, rock, sand, soil, wood, bark, marble, mud, plaster, pattern_cloth)


def _ground(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    return _GROUNDS[int(rng.integers(len(_GROUNDS)))](shape, u, rng)


def game(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a texture as games have it: few pixels, few colours, repeated, its light painted in."""
    side = int(rng.choice([24, 32, 48, 64, 96, 128]))
    tile = _ground((side, side), side / 360.0 * float(rng.uniform(1.0, 3.0)), rng)
    relief = cv2.Sobel(tile.relief, cv2.CV_32F, 1, 1, ksize=3)
    picture = tile.reflectance * np.clip(1.0 + 0.15 * relief, 0.4, 1.8)[:, :, None]
    if rng.random() < 0.5:
        picture = picture * (any_colour(rng) / max(float(any_colour(rng).max()), 0.1) + 0.3)[None, None, :]
    encoded = np.clip(picture, 0, 1) ** (1 / 2.2)
    levels = int(rng.integers(4, 24))
    encoded = np.rint(encoded * levels) / levels if rng.random() < 0.7 else encoded
    times = int(rng.integers(1, 5))
    tiled = np.tile(encoded.astype(np.float32) ** 2.2, (times, times, 1))
    how = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
    face = cv2.resize(np.asarray(tiled, np.float32), (shape[1], shape[0]), interpolation=how)
    return make_matte(np.asarray(face, np.float32), np.zeros(shape, np.float32), u, gloss=0.0)


def room(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a corner of a room or yard: floor and walls in perspective, boxes in it, few textures."""
    flat = rng.random() < 0.4  # as simulators draw it
    face = np.zeros((*shape, 3), np.float32)
    high, wide = shape
    corner = rng.uniform(0.25, 0.75, 2) * (wide, high)
    lower = corner[1] + float(rng.uniform(0, 0.25)) * high
    quads = (
        np.array(
            [
                (-0.2 * wide, lower + 0.3 * high),
                corner,
                (1.2 * wide, lower + 0.3 * high),
                (0.5 * wide, 2.2 * high),
            ]
        ),
        np.array([(-0.2 * wide, -high), (corner[0], -0.5 * high), corner, (-0.2 * wide, lower + 0.3 * high)]),
        np.array([(corner[0], -0.5 * high), (1.2 * wide, -high), (1.2 * wide, lower + 0.3 * high), corner]),
    )
    for quad in quads:
        face = _put(face, quad.astype(np.float32), _wall(shape, u, rng, flat=flat))
    for _ in range(int(rng.integers(0, 5))):
        at = rng.uniform(0.05, 0.9, 2) * (wide, high)
        size = rng.uniform(0.05, 0.4, 2) * (wide, high)
        lean = rng.normal(0, 0.04, (4, 2)) * (wide, high)
        box = at + np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * size + lean
        face = _put(face, box.astype(np.float32), _wall(shape, u, rng, flat=flat))
    return make_matte(face, np.zeros(shape, np.float32), u, gloss=0.02)


def _wall(shape: Shape, u: float, rng: np.random.Generator, *, flat: bool) -> Colours:
    """Return one side of a room, lit on its own."""
    light = np.float32(rng.uniform(0.4, 1.1))
    small = (max(16, shape[0] // 2), max(16, shape[1] // 2))
    if flat or rng.random() < 0.4:
        return tone_colours(any_colour(rng), np.full(small, light, np.float32))
    return np.asarray(_ground(small, 0.35 * u, rng).reflectance * light, np.float32)


def _put(face: Colours, quad: np.ndarray, wall: Colours) -> Colours:
    """Return the view with a wall drawn into a quadrilateral."""
    high, wide = wall.shape[:2]
    corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], dtype=np.float32)
    view = cv2.getPerspectiveTransform(corners, quad)
    size = (face.shape[1], face.shape[0])
    drawn = cv2.warpPerspective(wall, view, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    share = cv2.warpPerspective(np.ones((high, wide), np.float32), view, size)
    return mix_colours(face, np.asarray(drawn, np.float32), np.asarray(share, np.float32))


def landscape(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a landscape: sky, hills behind hills, ground that comes nearer."""
    down = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None] + np.zeros(shape, np.float32)
    high = choose_colour(rng, ((90, 140, 200), (170, 176, 184), (220, 150, 100), (60, 80, 120)))
    low = choose_colour(rng, ((200, 216, 232), (226, 206, 180), (190, 190, 190)))
    face = mix_colours(tone_colours(high, np.ones(shape, np.float32)), low, down)
    horizon = float(rng.uniform(0.1, 0.7))
    for number in range(int(rng.integers(1, 5))):
        ridge = fractal(rng, (8, shape[1]), float(rng.uniform(20, 200)) * u, 6, 0.5)[4][None, :]
        at = horizon + 0.1 * number + 0.06 * ridge
        colour = choose_colour(
            rng, ((70, 90, 50), (130, 100, 70), (110, 120, 130), (150, 120, 80), (60, 70, 60))
        )
        rough = fractal(rng, shape, float(rng.uniform(6, 40)) * u, 6, 0.7)
        ground = tone_colours(colour, np.clip(1.0 + 0.25 * rough, 0.2, 2).astype(np.float32))
        haze = 0.5 / (1 + number)
        ground = mix_colours(ground, low, np.full(shape, haze, np.float32))
        face = mix_colours(face, ground, step(down - at, 0.0, 0.006))
    return make_matte(face, np.zeros(shape, np.float32), u, gloss=0.0)


def terrain(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return two grounds that pass into one another, seen from far or near."""
    scale = float(np.exp(rng.uniform(np.log(0.25), np.log(1.3))))
    one, two = _ground(shape, u * scale, rng), _ground(shape, u * scale, rng)
    field = fractal(rng, shape, float(rng.uniform(30, 250)) * u, 6, 0.6)
    share = step(field, float(rng.uniform(-1.2, 1.0)), float(rng.uniform(1.05, 1.8)))
    green = choose_colour(rng, ((80, 100, 50), (120, 124, 70), (150, 140, 90)))
    face = mix_colours(one.reflectance, two.reflectance, share)
    overgrown = 0.7 * step(fractal(rng, shape, 40 * u, 6, 0.75), float(rng.uniform(0.0, 2.5)), 2.6)
    relief = one.relief * (1 - share) + two.relief * share
    return make_matte(mix_colours(face, green, overgrown), np.asarray(relief, np.float32), u)


def roof(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return roof tiles, paving, shingles or scales: rows of pieces with their own shade, often brick red."""
    pitch = float(rng.uniform(18, 80)) * u
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    row = np.floor(y / pitch)
    along = x + 0.5 * pitch * np.mod(row, 2)
    column = np.floor(along / pitch)
    own = np.take(rng.normal(1.0, 0.14, 997).astype(np.float32), (row * 31 + column).astype(np.int64) % 997)
    inner_x, inner_y = np.mod(along, pitch) / pitch - 0.5, np.mod(y, pitch) / pitch
    bulge = (1.0 - 4 * inner_x**2) * float(rng.uniform(0.0, 1.0)) + inner_y
    rough = fractal(rng, shape, 8 * u, 4, 0.7)
    colour = choose_colour(rng, ((170, 86, 58), (120, 66, 52), (100, 100, 104), (150, 120, 90), (60, 60, 66)))
    face = tone_colours(colour, np.clip(own * (1 + 0.1 * rough), 0.2, 2).astype(np.float32))
    gap = np.minimum(np.minimum(inner_y, 1 - inner_y), 0.5 - np.abs(inner_x))
    face = mix_colours(face, linear(25, 22, 20), 1.0 - step(gap.astype(np.float32), 0.01, 0.06))
    return make_matte(face, np.asarray(0.16 * pitch * bulge + 0.4 * u * rough, np.float32), u)
