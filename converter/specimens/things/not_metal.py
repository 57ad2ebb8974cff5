"""Render subjects of no metal: floor, wall, ground, plants, sky, water, cloth, wood, a hand.

A robot's camera sees these when it looks past its work. They have no material and no corrosion; brown ones
(brick, soil, wood, dead leaves) are there because rust is brown too.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.exposure import LIGHTS, take_wide_picture
from converter.specimens.ground import brick, concrete, gravel, rock, sand, soil
from converter.specimens.matte import choose_colour, make_matte, tone_colours
from converter.specimens.noise import blur, cells, fractal, resize_grid, speckle, step, streaks
from converter.specimens.plants import grass, leaves, wood
from converter.specimens.plate import linear, mix_colours
from converter.specimens.rendering import (
    CAMERA_STREAM,
    REFERENCE_HEIGHT_PX,
    SURFACE_STREAM,
    plate_shape,
    take_picture,
)
from converter.specimens.spec import Light
from converter.specimens.things import goods, mottled, views

if TYPE_CHECKING:
    from collections.abc import Callable

    from converter.specimens.noise import Field, Shape
    from converter.specimens.plate import Plate
    from converter.specimens.spec import Picture


class Other(enum.Enum):
    """The kinds of subjects that are no metal."""

    CONCRETE = "concrete"
    GRAVEL = "gravel"
    SOIL = "soil"
    SAND = "sand"
    ROCK = "rock"
    BRICK = "brick"
    WOOD = "wood"
    CLOTH = "cloth"
    GRASS = "grass"
    LEAVES = "leaves"
    SKY = "sky"
    WATER = "water"
    HAND = "hand"
    PLASTER = "plaster"
    MUD = "mud"
    LEATHER = "leather"
    CARDBOARD = "cardboard"
    CUT_STONE = "cut stone"
    FUR = "fur"
    BARK = "bark"
    SNOW = "snow"
    SKIN = "skin"
    RUBBER = "rubber"
    PLASTIC = "plastic"
    GLASS = "glass"
    FOOD = "food"
    PATTERN = "patterned cloth"
    PAPER = "paper"
    SIGN = "sign"
    FLOWERS = "flowers"
    GAME = "game texture"
    ROOM = "room"
    LANDSCAPE = "landscape"
    TERRAIN = "terrain"
    ROOF = "roof"


@dataclass(frozen=True, slots=True)
class OtherSpec:
    """One picture of one subject; equal specs of equal size render to equal bytes.

    Attributes:
        kind: what it shows.
        light: under which the picture is taken.
        seed: of the subject, at least 0.
        view: of the picture: camera angle, zoom, blur, noise and lamp position, at least 0.
        wide: whether sites and cameras differ as widely as those of worlds; ``light`` is not used then.
    """

    kind: Other
    light: Light = Light.SUN
    seed: int = 0
    view: int = 0
    wide: bool = False


def render_other(spec: OtherSpec, width_px: int, height_px: int) -> Picture:
    """Render a picture of something that is no metal; equal arguments give equal bytes on one machine.

    Raises:
        ValueError: a side is below 64 px or above 4096 px.
    """
    shape = plate_shape(width_px, height_px)
    rng = np.random.default_rng((spec.seed, SURFACE_STREAM))
    ground = render_other_surface(spec.kind, shape, height_px / REFERENCE_HEIGHT_PX, rng)
    if spec.wide:
        rng = np.random.default_rng((spec.seed, spec.view, CAMERA_STREAM))
        kind = LIGHTS[int(rng.integers(len(LIGHTS)))]
        return take_wide_picture(ground, (height_px, width_px), kind, rng)[0]
    return take_picture(ground, spec, width_px, height_px)[0]


def render_other_surface(kind: Other, shape: Shape, unit_px: float, rng: np.random.Generator) -> Plate:
    """Return the subject of a picture, seen from straight above, as a plate of no metal.

    Args:
        kind: of the subject.
        shape: (height, width) in px.
        unit_px: px of one length unit; 1 for a picture 360 px high.
        rng: where every draw comes from.
    """
    return _GROUNDS[kind](shape, unit_px, rng)


def _cloth(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return woven cloth in folds: overalls, gloves, rags."""
    folds = streaks(rng, shape, 300 * u, 70 * u) + 0.7 * fractal(rng, shape, 90 * u, 3)
    thread = 2 * np.pi / np.float32(max(2.2, float(rng.uniform(2.2, 6.0)) * u))
    x = np.arange(shape[1], dtype=np.float32)[None, :] + 2 * folds
    y = np.arange(shape[0], dtype=np.float32)[:, None] + 2 * folds
    weave = np.sin(thread * x) * np.sin(thread * y) if rng.random() < 0.5 else np.sin(thread * (x + y))
    tone = 1.0 + 0.10 * weave + 0.05 * speckle(rng, shape) + 0.05 * folds
    colour = choose_colour(
        rng, ((40, 58, 110), (200, 96, 30), (196, 190, 60), (120, 120, 118), (60, 80, 60), (170, 60, 56))
    )
    relief = 9.0 * u * folds + 0.4 * u * weave
    return make_matte(tone_colours(colour, tone.astype(np.float32)), relief.astype(np.float32), u)


def _sky(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return the sky: clear, clouded or overcast."""
    down = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None] + np.zeros(shape, np.float32)
    overcast = rng.random() < 0.3
    high = choose_colour(
        rng, ((176, 180, 186), (150, 156, 166)) if overcast else ((70, 120, 190), (96, 146, 206))
    )
    low = choose_colour(rng, ((206, 208, 210),) if overcast else ((190, 212, 232), (226, 214, 196)))
    cloud = fractal(rng, shape, float(rng.uniform(80, 260)) * u, 7, 0.55)
    billow = fractal(rng, shape, 120 * u, 6, 0.6)
    share = step(cloud, float(rng.uniform(-0.8, 1.8)), 2.2)
    white = tone_colours(linear(236, 238, 242), np.clip(0.85 + 0.10 * billow, 0.4, 1.05).astype(np.float32))
    reflectance = mix_colours(
        mix_colours(tone_colours(high, np.ones(shape, np.float32)), low, down), white, 0.9 * share
    )
    return make_matte(reflectance, np.zeros(shape, dtype=np.float32), u, gloss=0.0)


def _water(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return water with waves."""
    squeezed = (max(8, shape[0] * 3), shape[1])
    waves = resize_grid(fractal(rng, squeezed, float(rng.uniform(30, 110)) * u, 6, 0.6), shape)
    colour = choose_colour(rng, ((40, 78, 96), (60, 92, 80), (84, 100, 112), (92, 84, 64)))
    light = step(waves, 0.6, 2.4) * np.float32(rng.uniform(0.3, 0.9))
    sky = linear(190, 206, 220)
    tone = np.clip(1.0 + 0.25 * waves, 0.25, None)
    return make_matte(
        mix_colours(tone_colours(colour, tone.astype(np.float32)), sky, light), 5.0 * u * waves, u, gloss=0.8
    )


def _hand(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return a hand, or a part of one, over something else."""
    behind = _BEHIND[int(rng.integers(len(_BEHIND)))](shape, u, rng)
    height = np.full(shape, -1.0, dtype=np.float32)
    size = float(rng.uniform(26, 52)) * u  # half a finger's width
    turn = float(rng.uniform(0, 2 * np.pi))
    wrist = rng.uniform(0.25, 0.75, 2) * (shape[1], shape[0])
    for finger in range(5):
        spread = turn + (finger - 2) * float(rng.uniform(0.10, 0.24))
        root = wrist + 1.7 * size * (finger - 2) * np.array([-np.sin(turn), np.cos(turn)])
        reach = size * float(rng.uniform(6, 9)) * (0.7 if finger in {0, 4} else 1.0)
        tip = root + reach * np.array([np.cos(spread), np.sin(spread)])
        height = np.maximum(height, _capsule(shape, root, tip, size * float(rng.uniform(0.8, 1.0))))
    palm = wrist - 6 * size * np.array([np.cos(turn), np.sin(turn)])
    height = np.maximum(height, _capsule(shape, wrist, palm, 4.2 * size))
    share = step(height, -0.5 * u, 0.5 * u)
    wrinkles = cells(rng, shape, int(shape[0] * shape[1] / (5 * u) ** 2))
    fine = wrinkles.distance / np.float32(4 * u)
    blood = fractal(rng, shape, 50 * u, 4)
    colour = choose_colour(
        rng, ((224, 172, 140), (198, 140, 106), (150, 98, 70), (96, 62, 46), (236, 196, 170))
    )
    tone = 1.0 + 0.05 * blood - 0.06 * fine + 0.03 * speckle(rng, shape)
    skin = tone_colours(colour, tone.astype(np.float32)) * cv2.merge(
        [1 - 0.04 * blood, 1 - 0.03 * blood, 1 + 0.03 * blood]
    )
    reflectance = mix_colours(behind.reflectance, skin.astype(np.float32), share)
    shade = step(blur(share, 12 * u), 0.05, 0.9) * (1.0 - share) * np.float32(0.6)
    reflectance = mix_colours(reflectance, linear(14, 12, 10), shade)
    relief = behind.relief * (1.0 - share) + share * (0.45 * np.maximum(height, 0.0) - 0.3 * u * fine)
    return make_matte(reflectance, relief, u, gloss=0.12)


def _capsule(shape: Shape, start: np.ndarray, end: np.ndarray, radius: float) -> Field:
    """Return the height of a rounded bar over the plane; below 0 outside of it."""
    x = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(start[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(start[1])
    along = np.asarray(end - start, dtype=np.float32)
    share = np.clip((x * along[0] + y * along[1]) / max(1e-6, float(along @ along)), 0.0, 1.0)
    away = np.hypot(x - share * along[0], y - share * along[1])
    inside = radius * np.sqrt(np.clip(1 - (away / radius) ** 2, 0.0, 1.0))
    return np.asarray(np.where(away < radius, inside, radius - away), dtype=np.float32)


_BEHIND = (concrete, wood, _cloth, gravel)  # a hand
_GROUNDS: dict[Other, Callable[[Shape, float, np.random.Generator], Plate]] = {
    Other.CONCRETE: concrete,
    Other.GRAVEL: gravel,
    Other.SOIL: soil,
    Other.SAND: sand,
    Other.ROCK: rock,
    Other.BRICK: brick,
    Other.WOOD: wood,
    Other.CLOTH: _cloth,
    Other.GRASS: grass,
    Other.LEAVES: leaves,
    Other.SKY: _sky,
    Other.WATER: _water,
    Other.HAND: _hand,
    Other.PLASTER: mottled.plaster,
    Other.MUD: mottled.mud,
    Other.LEATHER: mottled.leather,
    Other.CARDBOARD: mottled.cardboard,
    Other.CUT_STONE: mottled.marble,
    Other.FUR: mottled.fur,
    Other.BARK: mottled.bark,
    Other.SNOW: mottled.snow,
    Other.SKIN: mottled.skin,
    Other.RUBBER: mottled.rubber,
    Other.PLASTIC: goods.plastic,
    Other.GLASS: goods.glass,
    Other.FOOD: goods.food,
    Other.PATTERN: goods.pattern_cloth,
    Other.PAPER: goods.paper,
    Other.SIGN: goods.sign,
    Other.FLOWERS: goods.flowers,
    Other.GAME: views.game,
    Other.ROOM: views.room,
    Other.LANDSCAPE: views.landscape,
    Other.TERRAIN: views.terrain,
    Other.ROOF: views.roof,
}
