"""Render surfaces of one material that differ by colour and grain: plaster, mud, leather, card, bark, fur."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.specimens.matte import Palette, choose_colour, make_matte, tone_colours
from converter.specimens.noise import blur, cells, displace, fractal, speckle, step, streaks
from converter.specimens.plate import mix_colours

if TYPE_CHECKING:
    from converter.specimens.noise import Shape
    from converter.specimens.plate import Plate

_WALLS: Palette = (
    (232, 226, 214),
    (206, 190, 160),
    (196, 120, 84),
    (176, 176, 172),
    (214, 178, 140),
    (150, 92, 66),
)
_MUDS: Palette = ((112, 84, 58), (140, 104, 72), (90, 74, 60), (150, 92, 60), (120, 70, 46))
_HIDES: Palette = ((96, 56, 34), (140, 86, 50), (40, 34, 32), (170, 120, 80), (120, 42, 34))
_CARDS: Palette = ((186, 148, 106), (170, 130, 92), (204, 176, 138), (150, 120, 90))
_STONES: Palette = (
    (206, 200, 192),
    (120, 112, 108),
    (176, 130, 100),
    (90, 96, 100),
    (150, 140, 124),
    (60, 58, 58),
)
_FURS: Palette = ((120, 80, 50), (70, 50, 38), (200, 180, 150), (150, 100, 56), (40, 38, 38), (190, 140, 90))
_BARKS: Palette = ((96, 76, 60), (120, 100, 84), (70, 58, 50), (140, 92, 66), (150, 146, 140))
_SNOWS: Palette = ((236, 240, 246), (220, 226, 236))
_SKINS: Palette = ((224, 172, 140), (198, 140, 106), (150, 98, 70), (96, 62, 46), (236, 196, 170))
_RUBBERS: Palette = ((36, 36, 38), (52, 50, 50), (70, 68, 66), (90, 40, 34))


def plaster(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return plaster, render or wallpaper, damp and flaking at times: brown and ochre walls too."""
    rough = fractal(rng, shape, float(rng.uniform(4, 40)) * u, 5, 0.6)
    clouds = fractal(rng, shape, 200 * u, 5, 0.5)
    colour, under = choose_colour(rng, _WALLS), choose_colour(rng, _WALLS)
    face = tone_colours(
        colour, (1.0 + 0.03 * rough + float(rng.uniform(0.0, 0.12)) * clouds).astype(np.float32)
    )
    bare = (
        step(clouds + 0.35 * rough, float(rng.uniform(0.6, 3.0)), 3.2) if rng.random() < 0.5 else 0.0 * clouds
    )
    sharp = step(bare.astype(np.float32), 0.0, 0.06)
    relief = u * (float(rng.uniform(0.1, 1.2)) * rough - 2.0 * sharp)
    return make_matte(mix_colours(face, under, 0.9 * sharp), relief, u, gloss=float(rng.choice([0.03, 0.2])))


def mud(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return mud or clay, wet or dried and cracked."""
    rough = fractal(rng, shape, float(rng.uniform(15, 120)) * u, 7, 0.6)
    colour = choose_colour(rng, _MUDS)
    face = tone_colours(
        colour, np.clip(1.0 + 0.14 * rough + 0.05 * speckle(rng, shape), 0.3, 2).astype(np.float32)
    )
    relief = 3.0 * u * rough
    if rng.random() < 0.5:
        plates = cells(rng, shape, int(rng.integers(12, 120)))
        moved = displace(plates.distance, 4 * u * rough, 4 * u * rough)
        crack = step(moved / np.float32(np.percentile(moved, 97)), 0.75, 0.95)
        face = mix_colours(face, 0.2 * colour, crack)
        relief = relief - 3.0 * u * crack
    return make_matte(face, relief, u, gloss=float(rng.choice([0.03, 0.7])))


def leather(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return leather, hide or imitation: pebbled, creased, worn."""
    pebbles = cells(rng, shape, int(shape[0] * shape[1] / (float(rng.uniform(4, 12)) * u) ** 2))
    dome = -pebbles.distance / np.float32(pebbles.distance.max() + 1)
    creases = fractal(rng, shape, 120 * u, 5, 0.55)
    tone = 1.0 + 0.25 * dome + 0.10 * creases + 0.03 * speckle(rng, shape)
    face = tone_colours(choose_colour(rng, _HIDES), tone.astype(np.float32))
    return make_matte(face, u * (2.5 * dome + 2.0 * creases), u, gloss=float(rng.uniform(0.05, 0.5)))


def cardboard(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return cardboard or brown paper: flutes, folds, fibres."""
    flutes = streaks(rng, shape, 800 * u, float(rng.uniform(4, 12)) * u)
    folds = fractal(rng, shape, 150 * u, 2, 0.3)
    fibres = fractal(rng, shape, 3 * u, 2, 0.8)
    tone = 1.0 + 0.03 * flutes + 0.05 * fibres + 0.04 * folds
    face = tone_colours(choose_colour(rng, _CARDS), tone.astype(np.float32))
    return make_matte(face, u * (0.5 * flutes + float(rng.uniform(0, 8)) * np.abs(folds)), u)


def marble(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return cut stone: marble, granite, terrazzo, ceramic."""
    warp = fractal(rng, shape, 160 * u, 6, 0.6)
    veins = np.abs(np.sin(3.0 * warp + fractal(rng, shape, 300 * u, 2)))
    colour, other = choose_colour(rng, _STONES), choose_colour(rng, _STONES)
    grains = cells(rng, shape, int(shape[0] * shape[1] / (float(rng.uniform(4, 16)) * u) ** 2))
    own = grains.of_points(rng.normal(0, 1, grains.count)) * np.float32(rng.random() < 0.5)
    face = tone_colours(colour, np.clip(1.0 + 0.06 * own + 0.04 * warp, 0.3, 1.8).astype(np.float32))
    # Grains of several minerals, not of one grey: zinc has those.
    face = mix_colours(face, choose_colour(rng, _STONES), 0.8 * step(own, 0.4, 0.6))
    share = 0.8 * (1.0 - step(veins, 0.02, float(rng.uniform(0.1, 0.6)))) * np.float32(rng.random() < 0.7)
    return make_matte(mix_colours(face, other, share), 0.05 * warp, u, gloss=float(rng.uniform(0.1, 0.8)))


def fur(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return fur, hair or a pile carpet: strands along a bent direction, in patches of two colours."""
    bend = fractal(rng, shape, 140 * u, 3)
    hair = streaks(rng, shape, float(rng.uniform(12, 70)) * u, float(rng.uniform(0.8, 2.0)) * u)
    fine = streaks(rng, shape, 20 * u, 0.8 * u)
    moved = displace((hair + 0.6 * fine).astype(np.float32), 14 * u * bend, 26 * u * bend)
    if rng.random() < 0.5 and shape[0] == shape[1]:
        moved = np.ascontiguousarray(moved.T)
    patch = step(bend + 0.2 * moved, -0.2, 0.2) * np.float32(rng.random() < 0.5)
    tone = np.clip(1.0 + 0.28 * moved + 0.08 * bend, 0.15, 2.0).astype(np.float32)
    face = mix_colours(tone_colours(choose_colour(rng, _FURS), tone), choose_colour(rng, _FURS), 0.8 * patch)
    return make_matte(face, 1.2 * u * moved, u, gloss=0.1)


def bark(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return bark: ridges along a trunk, furrows between them, lichen."""
    turned = (shape[1], shape[0])
    ridges = streaks(rng, turned, float(rng.uniform(60, 200)) * u, float(rng.uniform(6, 20)) * u).T
    rough = fractal(rng, shape, 24 * u, 6, 0.7)
    bent = displace(np.ascontiguousarray(ridges), 7 * u * rough, 7 * u * rough)
    tone = np.clip(0.9 + 0.3 * bent + 0.16 * rough, 0.12, 2.0)
    face = tone_colours(choose_colour(rng, _BARKS), tone.astype(np.float32))
    lichen = step(fractal(rng, shape, 30 * u, 5, 0.7), float(rng.uniform(0.8, 2.5)), 2.6)
    face = mix_colours(face, choose_colour(rng, ((150, 160, 120), (110, 130, 80))), 0.7 * lichen)
    return make_matte(face, u * (5.0 * bent + 2.5 * rough), u)


def snow(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return snow, foam, salt or cotton."""
    soft = fractal(rng, shape, float(rng.uniform(40, 200)) * u, 6, 0.5)
    face = tone_colours(choose_colour(rng, _SNOWS), (1.0 + 0.02 * soft).astype(np.float32))
    return make_matte(face, 6.0 * u * soft, u, gloss=0.15)


def skin(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return skin from near: lines, pores, freckles, hairs."""
    lines = cells(rng, shape, int(shape[0] * shape[1] / (float(rng.uniform(3, 8)) * u) ** 2))
    fine = lines.distance / np.float32(lines.distance.max() + 1)
    blood = fractal(rng, shape, 90 * u, 4)
    spots = step(fractal(rng, shape, 12 * u, 3), float(rng.uniform(1.6, 3.0)), 3.2)
    colour = choose_colour(rng, _SKINS)
    face = tone_colours(colour, (1.0 + 0.05 * blood - 0.10 * fine).astype(np.float32))
    relief = u * (8.0 * fractal(rng, shape, 240 * u, 2, 0.3) - 0.8 * fine)
    return make_matte(mix_colours(face, 0.5 * colour, 0.5 * spots), relief, u, gloss=0.15)


def rubber(shape: Shape, u: float, rng: np.random.Generator) -> Plate:
    """Return rubber, tyre tread or roofing felt: dark, ribbed or grained."""
    x = np.arange(shape[1], dtype=np.float32)[None, :] + 6 * u * fractal(rng, shape, 160 * u, 2)
    ribs = np.tanh(4 * np.sin(x * np.float32(2 * np.pi / (float(rng.uniform(16, 70)) * u))))
    ribs = ribs * np.float32(rng.random() < 0.6)
    grain = speckle(rng, shape)
    face = tone_colours(
        choose_colour(rng, _RUBBERS), np.clip(1.0 + 0.12 * grain + 0.1 * ribs, 0.3, 2).astype(np.float32)
    )
    return make_matte(face, u * (3.0 * blur(ribs.astype(np.float32), 1.0) + 0.4 * grain), u, gloss=0.12)
