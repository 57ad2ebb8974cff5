"""Render goods and print: plastic, glass, food, cloth with patterns, paper with text, signs."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.matte import choose_colour, make_matte, tone_colours
from converter.specimens.noise import blur, cells, fractal, speckle, step
from converter.specimens.plate import linear, mix_colours

if TYPE_CHECKING:
    from converter.specimens.noise import Field, Shape
    from converter.specimens.plate import Colours, Plate

_FOODS = (
    (196, 120, 60),
    (150, 84, 40),
    (206, 60, 44),
    (222, 150, 50),
    (110, 60, 36),
    (150, 160, 60),
    (230, 200, 150),
)


def any_colour(rng: np.random.Generator) -> Colours:
    """Return any colour, linear BGR; a third of them are browns and oranges."""
    warm = rng.random() < 0.35
    hue = float(rng.uniform(0.02, 0.11)) if warm else float(rng.random())
    red, green, blue = colorsys.hsv_to_rgb(hue, float(rng.uniform(0.05, 0.9)), float(rng.uniform(0.15, 0.95)))
    return linear(round(red * 255), round(green * 255), round(blue * 255))


def plastic(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return plastic things: smooth bent forms of one colour each, with lights on them."""
    face = tone_colours(any_colour(rng), np.ones(shape, np.float32))
    relief = float(rng.uniform(5, 40)) * u * fractal(rng, shape, 220 * u, 2, 0.3)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    for _ in range(int(rng.integers(0, 6))):
        at, size = rng.uniform(0, 1, 2) * (shape[1], shape[0]), float(rng.uniform(20, 120)) * u
        power = float(rng.choice([2, 4, 10]))
        away = (np.abs(x - at[0]) / size) ** power + (
            np.abs(y - at[1]) / (size * float(rng.uniform(0.4, 1.6)))
        ) ** power
        on = 1.0 - step(away, 0.93, 1.0)
        face = mix_colours(face, any_colour(rng), on)
        relief = np.asarray(relief + on * 0.5 * size * np.sqrt(np.clip(1 - away, 0, 1)), np.float32)
    grain = 0.2 * u * speckle(rng, shape) * np.float32(rng.random() < 0.4)
    return make_matte(face, relief + grain, u, gloss=float(rng.uniform(0.2, 1.0)))


def glass(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return glass, a window or a screen: gradients, reflections with straight edges, a frame."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    tint = choose_colour(rng, ((120, 150, 140), (60, 80, 90), (150, 120, 60), (200, 210, 215), (40, 70, 50)))
    face = tone_colours(tint, (0.7 + 0.5 * y / shape[0]).astype(np.float32))
    for _ in range(int(rng.integers(2, 7))):
        slope, at, wide = (
            float(rng.normal(0, 1.0)),
            float(rng.uniform(0, 1)) * shape[1],
            float(rng.uniform(5, 110)) * u,
        )
        band = 1.0 - step(np.abs(x + slope * y - at), wide, wide + float(rng.uniform(1, 20)) * u)
        face = mix_colours(face, any_colour(rng), float(rng.uniform(0.1, 0.7)) * band)
    if rng.random() < 0.5:
        pane = float(rng.uniform(100, 300)) * u
        frame = np.minimum(np.abs(np.mod(x, pane) - pane / 2), np.abs(np.mod(y, pane) - pane / 2))
        face = mix_colours(face, any_colour(rng), 1.0 - step(frame, 6 * u, 7.5 * u))
    return make_matte(face, 2.0 * u * fractal(rng, shape, 200 * u, 2), u, gloss=1.0)


def food(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return food: fruit, bread, beans, a crust, sauce; much of it as brown as rust."""
    size = float(np.exp(rng.uniform(np.log(12), np.log(160)))) * u
    pieces = cells(rng, shape, max(2, int(1.3 * shape[0] * shape[1] / (1.6 * size) ** 2)))
    rough = fractal(rng, shape, float(rng.uniform(4, 30)) * u, 5, 0.65)
    kinds = [choose_colour(rng, _FOODS) for _ in range(3)]
    own = np.asarray([kinds[int(k)] for k in rng.integers(0, 3, pieces.count)], np.float32)
    own = own * rng.uniform(0.75, 1.25, (pieces.count, 1)).astype(np.float32)
    away = pieces.distance / np.float32(size) + 0.06 * rough
    dome = np.sqrt(np.clip(1.0 - away**2, 0, 1))
    face = np.take(own, pieces.number, axis=0)
    face = face * cv2.merge([(1.0 + 0.12 * rough).astype(np.float32)] * 3)
    beside = step(away.astype(np.float32), 0.97, 1.03)
    face = mix_colours(np.asarray(face, np.float32), any_colour(rng), beside)
    return make_matte(face, 0.7 * size * dome + 1.0 * u * rough, u, gloss=float(rng.uniform(0.03, 0.8)))


def pattern_cloth(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return cloth or carpet with checks, stripes, dots or a print, in folds."""
    folds = fractal(rng, shape, 160 * u, 3)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    x, y = x + 5 * u * folds, y + 5 * u * folds
    period = float(rng.uniform(14, 120)) * u
    face = tone_colours(any_colour(rng), np.ones(shape, np.float32))
    wave_x, wave_y = np.sin(x * np.float32(6.283 / period)), np.sin(y * np.float32(6.283 / period))
    kind = int(rng.integers(4))
    fields = {
        0: (wave_x, wave_y),
        1: (wave_x,),
        2: (wave_x * wave_y * 2 - 0.6,),
        3: (fractal(rng, shape, period, 3),),
    }
    for field in fields[kind]:
        face = mix_colours(face, any_colour(rng), float(rng.uniform(0.4, 0.95)) * step(field, -0.1, 0.1))
    thread = np.float32(6.283 / max(2.2, float(rng.uniform(2.2, 5.0)) * u))
    weave = np.sin(thread * x) * np.sin(thread * y)
    toned = face * cv2.merge([(1.0 + 0.12 * weave + 0.06 * speckle(rng, shape)).astype(np.float32)] * 3)
    return make_matte(np.asarray(toned, np.float32), u * (7.0 * folds + 0.5 * weave), u)


def paper(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return print: a page, a label, a package or a drawing."""
    ground = choose_colour(rng, ((244, 242, 236), (236, 226, 200), (200, 206, 214), (214, 180, 130)))
    face = tone_colours(ground, (1.0 + 0.02 * fractal(rng, shape, 120 * u, 4)).astype(np.float32))
    ink = np.zeros(shape, dtype=np.uint8)
    size = float(rng.uniform(0.25, 1.6)) * u
    letters = list("abcdefghiklmnoprstuvw eaTRNS0123 ")
    for row in np.arange(20 * size, shape[0], 30 * size):
        text = "".join(rng.choice(letters, 60))
        cv2.putText(
            ink, text, (int(rng.uniform(0, 20)), int(row)), cv2.FONT_HERSHEY_COMPLEX, size, 255,
            max(1, round(size * 1.4)), cv2.LINE_AA,
        )  # fmt: skip
    face = mix_colours(
        face, choose_colour(rng, ((20, 20, 24), (30, 40, 110))), ink.astype(np.float32) / 255.0
    )
    for _ in range(int(rng.integers(0, 4))):  # pictures and boxes
        box = np.zeros(shape, dtype=np.uint8)
        a = rng.uniform(-0.1, 0.9, 2) * (shape[1], shape[0])
        b = a + rng.uniform(0.1, 0.6, 2) * (shape[1], shape[0])
        cv2.rectangle(box, tuple(map(int, a)), tuple(map(int, b)), 255, int(rng.choice([-1, 2])))
        face = mix_colours(face, any_colour(rng), box.astype(np.float32) / 255.0)
    crumple = float(rng.choice([0.0, 3.0, 14.0])) * u * np.abs(fractal(rng, shape, 150 * u, 3))
    return make_matte(face, np.asarray(crumple, np.float32), u, gloss=float(rng.choice([0.03, 0.3])))


def sign(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a printed sign, poster or toy: few flat colours in large shapes and letters."""
    face = tone_colours(any_colour(rng), np.ones(shape, np.float32))
    for _ in range(int(rng.integers(1, 6))):
        drawn = np.zeros(shape, dtype=np.uint8)
        at = rng.uniform(0, 1, 2) * (shape[1], shape[0])
        size = float(rng.uniform(15, 150)) * u
        corners = int(rng.integers(3, 9))
        turn = np.linspace(0, 2 * np.pi, corners, endpoint=False) + float(rng.uniform(0, 6))
        points = at + size * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        if rng.random() < 0.5:
            cv2.fillPoly(drawn, [points.astype(np.int32)], 255, cv2.LINE_AA)
        elif rng.random() < 0.5:
            cv2.circle(
                drawn,
                tuple(map(int, at)),
                int(size),
                255,
                int(rng.choice([-1, max(1, int(size / 4))])),
                cv2.LINE_AA,
            )
        else:
            text = "".join(rng.choice(list("ABCDEFGHIJKLMNOPRSTUVWXYZ0123456789!"), int(rng.integers(1, 6))))
            cv2.putText(
                drawn, text, tuple(map(int, at * 0.6)), cv2.FONT_HERSHEY_TRIPLEX, size / 28, 255,
                max(1, int(size / 12)), cv2.LINE_AA,
            )  # fmt: skip
        face = mix_colours(face, any_colour(rng), drawn.astype(np.float32) / 255.0)
    return make_matte(face, 3.0 * u * fractal(rng, shape, 260 * u, 2), u, gloss=float(rng.uniform(0.02, 0.6)))


def flowers(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return flowers or toys in bright and brown colours, before a blurred ground."""
    face = mix_colours(
        tone_colours(any_colour(rng), np.ones(shape, np.float32)),
        any_colour(rng),
        step(fractal(rng, shape, 90 * u, 3), -1, 1),
    )
    height: Field = np.zeros(shape, np.float32)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    petals, petal = int(rng.integers(4, 14)), any_colour(rng)
    for _ in range(int(rng.integers(1, 7))):
        at, size = rng.uniform(0, 1, 2) * (shape[1], shape[0]), float(rng.uniform(25, 110)) * u
        radius, bearing = cv2.cartToPolar(x - np.float32(at[0]), y - np.float32(at[1]))
        rim = size * (0.65 + 0.35 * np.abs(np.cos(bearing * np.float32(petals / 2))))
        on = 1.0 - step(radius - rim, -1.0, 1.0)
        light = (0.6 + 0.5 * radius / size).clip(0.3, 1.2)
        face = mix_colours(face, petal, 0.95 * on)
        face = np.asarray(face * cv2.merge([(1 - on) + on * light] * 3), np.float32)
        heart = 1.0 - step(radius, 0.2 * size, 0.25 * size)
        face = mix_colours(face, any_colour(rng), heart)
        height = np.maximum(height, on * (size - 0.7 * radius))
    return make_matte(face, 0.4 * blur(height, 1.0), u, gloss=0.08)
