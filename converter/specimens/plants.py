"""Render wood, grass and leaves; dead ones are as brown as rust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.matte import choose_colour, draw_line, make_matte, tone_colours
from converter.specimens.noise import blur, cells, fractal, step, streaks
from converter.specimens.plate import linear, mix_colours

if TYPE_CHECKING:
    from converter.specimens.noise import Shape
    from converter.specimens.plate import Plate

_DRY_SHARE = 0.12  # of the blades in a green meadow


def wood(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return planks: grain, knots and joints, new or weathered."""
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    plank = float(rng.uniform(50, 400)) * u
    number = np.floor(y / plank).astype(np.int32) + np.zeros(shape, np.int32)
    own = rng.normal(0, 1, 64).astype(np.float32)
    bend = 26 * u * streaks(rng, shape, 420 * u, 90 * u) + 900 * u * np.take(own, number % 64)
    rings = fractal(rng, (2048, 8), 24 * u, 6, 0.75)[:, :1]
    at = np.mod(np.abs(y + bend) * np.float32(1.5 / max(u, 0.3)), 2047).astype(np.float32)
    grain = cv2.remap(rings, np.zeros(shape, np.float32), at, cv2.INTER_LINEAR)
    fibre = streaks(rng, shape, 60 * u, 1.0 * u)
    tone = np.clip(1.0 + 0.14 * grain + 0.08 * fibre + 0.06 * np.take(own[::-1], number % 64), 0.2, None)
    colour = choose_colour(
        rng, ((202, 164, 112), (160, 110, 66), (110, 72, 46), (150, 144, 134), (184, 132, 84), (92, 58, 40))
    )
    reflectance = tone_colours(colour, tone.astype(np.float32))
    knots = cells(rng, shape, max(2, int(shape[0] * shape[1] / (220 * u) ** 2)))
    radius = knots.of_points(rng.uniform(-6, 9, knots.count) * u)
    reflectance = mix_colours(reflectance, 0.35 * colour, step(radius - knots.distance + fibre, 0.0, 4.0 * u))
    joint = 1.0 - step(
        np.minimum(y % plank, plank - y % plank) + np.zeros(shape, np.float32), 0.6 * u, 2.0 * u
    )
    relief = 0.5 * u * fibre + 0.4 * u * grain - 3.0 * u * joint
    gloss = float(rng.choice([0.04, 0.04, 0.3]))
    return make_matte(mix_colours(reflectance, linear(24, 18, 14), joint), relief, u, gloss)


def grass(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return grass from above or from the side: blades over blades, the deeper the darker."""
    green = ((92, 122, 48), (70, 104, 40), (126, 140, 70), (150, 140, 84))
    main = green[int(rng.integers(len(green)))]
    picture = tone_colours(linear(28, 34, 18), 1.0 + 0.3 * fractal(rng, shape, 12 * u, 4))
    height = np.zeros(shape, dtype=np.float32)
    count = int(shape[0] * shape[1] / (5.5 * u) ** 2)
    lean, spread = float(rng.normal(0, 0.35)), float(rng.uniform(0.25, 1.3))
    length = float(rng.uniform(22, 80)) * u
    for number in range(count):
        depth = number / count
        start = rng.uniform(-0.05, 1.05, 2) * (shape[1], shape[0])
        angle = -np.pi / 2 + lean + float(rng.normal(0, spread))
        bend = float(rng.normal(0, 0.5))
        light = (0.35 + 0.75 * depth) * float(rng.uniform(0.7, 1.3))
        dry = rng.random() < _DRY_SHARE
        colour = linear(172, 156, 100) * light if dry else linear(*main) * light * rng.normal(1.0, 0.12, 3)
        width = max(1, round(float(rng.uniform(0.7, 2.6)) * u))
        for part in range(2):
            reach = length * float(rng.uniform(0.3, 0.6))
            turned = angle + part * bend
            end = start + reach * np.array([np.cos(turned), np.sin(turned)])
            draw_line(picture, start, end, np.asarray(colour, np.float32), max(1, width - part))
            draw_line(height, start, end, np.full(1, depth, np.float32), max(1, width - part))
            start = end
    return make_matte(picture, 2.0 * u * blur(height, 0.8 * u), u, gloss=0.1)


def leaves(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return leaves over leaves: a hedge, ivy, or fallen ones."""
    fresh = ((64, 108, 44), (92, 132, 60), (46, 84, 40))
    fallen = ((140, 84, 40), (166, 112, 52), (112, 66, 38), (150, 120, 70))
    palette = fallen if rng.random() < 0.35 else fresh
    picture = tone_colours(linear(26, 24, 16), 1.0 + 0.3 * fractal(rng, shape, 14 * u, 4))
    height = np.zeros(shape, dtype=np.float32)
    size = float(rng.uniform(14, 48)) * u
    count = int(3.2 * shape[0] * shape[1] / size**2)
    narrow = float(rng.uniform(0.3, 0.6))
    for number in range(count):
        depth = number / count
        at = rng.uniform(-0.05, 1.05, 2) * (shape[1], shape[0])
        turn, long = float(rng.uniform(0, 2 * np.pi)), size * float(rng.uniform(0.6, 1.3))
        colour = linear(*palette[int(rng.integers(len(palette)))]) * (0.3 + 0.8 * depth)
        colour = np.asarray(colour * rng.normal(1.0, 0.10, 3), np.float32)
        along = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-along[1], along[0]])
        swell = np.linspace(0, np.pi, 12)
        rim = np.linspace(-1, 1, 12)[:, None] * along * long
        side = (np.sin(swell) ** 1.2)[:, None] * across * long * narrow
        for sign, light in ((1, 1.12), (-1, 0.88)):
            half = (at + np.concatenate([rim, (rim + sign * side)[::-1]])).astype(np.int32)
            cv2.fillPoly(picture, [half], tuple(map(float, colour * light)), cv2.LINE_AA)
            cv2.fillPoly(height, [half], float(depth + 0.05 * sign), cv2.LINE_AA)
        draw_line(picture, at - long * along, at + long * along, colour * 1.5, max(1, round(0.7 * u)))
    veined = picture * cv2.merge([1.0 + 0.08 * fractal(rng, shape, 5 * u, 3)] * 3)
    return make_matte(veined.astype(np.float32), 5.0 * u * blur(height, 0.8 * u), u, gloss=0.25)
