"""Corrode a part by a share of its area: rust in many forms on steel, white corrosion on light metals.

Corrosion starts at crevices, scratches and edges and spreads from there; the form decides how it looks and
where else it starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.noise import blur, cells, fractal, rank_values, speckle, step, streaks
from converter.specimens.plate import linear, mix_colours, repeat_channels
from converter.specimens.spec import Material
from converter.specimens.worlds.rust_colours import choose_rust, colour_rust

if TYPE_CHECKING:
    from collections.abc import Callable

    from converter.specimens.matte import AnyField
    from converter.specimens.noise import Field, Shape
    from converter.specimens.plate import Plate

# Corroded shares of a part, lowest and highest; few and many alike.
_AREA_SHARES = (0.025, 0.98)
_FAR_BELOW = -50.0


@dataclass(frozen=True, slots=True, eq=False)
class Attack:
    """Where corrosion covers a part, and how it is there.

    Attributes:
        form: its name.
        cover: 0 to 1.
        inner: 0 at the rim of a spot, 1 where it began.
    """

    form: str
    cover: Field
    inner: Field


def corrode_part(
    plate: Plate, material: Material, inside: Field | None, rng: np.random.Generator, *, coated: bool
) -> Plate:
    """Return the plate corroded in a random form and share that suit the metal and its coat."""
    attack = find_attack(plate, material, inside, rng, coated=coated)
    if material is Material.STEEL or (material is Material.GALVANIZED and rng.random() < 0.4):
        return _rust(plate, attack, rng)
    return _whiten(plate, attack, rng)


def find_attack(
    plate: Plate, material: Material, inside: Field | None, rng: np.random.Generator, *, coated: bool
) -> Attack:
    """Return where a random form of corrosion covers the part."""
    names: tuple[str, ...]
    if material is Material.STEEL:
        names = ("patches", "spots", "crevice", "runs", "film", "pits", "blisters" if coated else "film")
    else:
        names = ("patches", "spots", "crevice", "pits", "filiform" if coated else "patches")
    form = str(rng.choice(names))
    u, shape = plate.unit_px, plate.relief.shape
    field = _FORMS[form](shape, u, rng) + np.float32(rng.uniform(0.4, 4.0)) * plate.weakness
    field = np.asarray(field + 0.15 * fractal(rng, shape, 6 * u, 4, 0.85), dtype=np.float32)
    low, high = _AREA_SHARES
    share = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if form == "film" or rng.random() < 0.4:  # as many wholly overgrown as hardly begun
        share = float(rng.uniform(0.25, high))
    if form in {"pits", "blisters", "filiform"}:
        share = min(share, 0.35)
    if inside is not None:
        field = np.where(inside > 0.5, field, _FAR_BELOW).astype(np.float32)
        share *= float(inside.mean())
        rank = _rank_inside(field, inside)
    else:
        rank = rank_values(field)
    share = max(share, 0.006)
    soft = float(rng.choice([0.06, 0.12, 0.3])) if form != "film" else float(rng.uniform(0.2, 0.7))
    cover = 1.0 - step(rank, share * (1 - soft), share * (1 + soft))
    if inside is not None:
        cover = cover * (inside > 0.5)
    return Attack(
        form, np.asarray(cover, np.float32), np.clip(1.0 - rank / share, 0.0, 1.0).astype(np.float32)
    )


def _rank_inside(field: Field, inside: Field) -> Field:
    """Return ranks of a field with far lower values beside the part, at full resolution inside."""
    low = float(field[inside > 0.5].min()) if bool((inside > 0.5).any()) else 0.0
    return rank_values(np.maximum(field, low - 0.01).astype(np.float32))


def _rust(plate: Plate, attack: Attack, rng: np.random.Generator) -> Plate:
    """Return steel under rust: run-off, film or crust by form, sheets that flake, pits."""
    u, shape = plate.unit_px, plate.relief.shape
    colours = choose_rust(rng)
    cover, inner = attack.cover, attack.inner
    grain = fractal(rng, shape, float(rng.uniform(3, 9)) * u, 4, 0.85)
    lumps = fractal(rng, shape, float(rng.uniform(14, 50)) * u, 5, 0.68)
    if attack.form in {"runs", "crevice", "blisters"} or rng.random() < 0.3:
        plate = _stain_below(plate, cover, colours[8], rng)
    thick = float(rng.uniform(0.0, 0.35)) if attack.form == "film" else float(rng.uniform(0.3, 2.2))
    age = float(rng.uniform(0.05, 0.5)) + 0.5 * inner + float(rng.uniform(0.03, 0.16)) * (lumps + grain)
    sheets = step(lumps + 0.25 * grain, 0.3, 0.5) * np.float32(rng.random() < 0.5)
    age = age + 0.2 * sheets
    holes = step(fractal(rng, shape, 4.5 * u, 2, 0.6) + 0.6 * lumps, 1.0, 2.2) * np.float32(min(thick, 1.0))
    shade = 1.0 - 0.5 * holes + 0.07 * speckle(rng, shape)
    colour = colour_rust(colours, np.asarray(age, np.float32)) * repeat_channels(shade.astype(np.float32))
    dense = float(rng.uniform(0.35, 0.8)) if attack.form == "film" else 1.0
    opacity = cover * np.clip(dense * (0.6 + 0.9 * inner + 0.2 * thick + 0.13 * grain), 0.25, 1.0)
    deep = 1.5 * u * inner if attack.form == "pits" else 0.0
    swell = u * float(rng.uniform(2, 7)) * np.sqrt(inner) if attack.form == "blisters" else 0.0
    crust = u * thick * (0.5 * lumps + 0.7 * grain - 1.2 * holes + 1.2 * sheets + 0.6)
    matte = cover * min(1.0, dense + 0.1)
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, colour.astype(np.float32), opacity.astype(np.float32)),
        relief=np.asarray(plate.relief + cover * (crust - deep) + swell, dtype=np.float32),
        metal=np.asarray(plate.metal * (1.0 - matte), dtype=np.float32),
        gloss=np.asarray(plate.gloss * (1.0 - 0.94 * matte), dtype=np.float32),
        coverage=np.maximum(plate.coverage, cover),
    )


def _stain_below(plate: Plate, cover: Field, colour: np.ndarray, rng: np.random.Generator) -> Plate:
    """Return the plate with run-off below the rust and a halo round it: stains are not in the mask."""
    u, shape = plate.unit_px, plate.relief.shape
    length = max(3, int(float(rng.uniform(40, 200)) * u))
    drawn = cv2.boxFilter(
        cover, cv2.CV_32F, (1, length), anchor=(0, length - 1), borderType=cv2.BORDER_REPLICATE
    )
    columns = streaks(rng, (shape[1], shape[0]), 420 * u, float(rng.uniform(3, 9)) * u).T
    stain = np.asarray(drawn, np.float32) * step(columns, -0.2, 1.4) + 0.5 * blur(cover, 4 * u)
    share = np.clip(float(rng.uniform(0.2, 0.7)) * stain, 0.0, 0.7).astype(np.float32)
    filtered = plate.reflectance * (colour / max(float(colour.max()), 0.05))[None, None, :] * np.float32(1.3)
    return replace(plate, reflectance=mix_colours(plate.reflectance, filtered.astype(np.float32), share))


def _whiten(plate: Plate, attack: Attack, rng: np.random.Generator) -> Plate:
    """Return light metal or zinc under white to grey powder, pits and dull etching."""
    u, shape = plate.unit_px, plate.relief.shape
    cover, inner = attack.cover, attack.inner
    powder = fractal(rng, shape, float(rng.uniform(3, 9)) * u, 4, 0.8)
    drifts = fractal(rng, shape, 34 * u, 4, 0.6)
    dull = np.clip(0.8 * blur(cover, float(rng.uniform(2, 10)) * u), 0.0, 1.0)
    etched = plate.reflectance * repeat_channels(
        (1.0 - float(rng.uniform(0.15, 0.55)) * dull).astype(np.float32)
    )
    # Powder is paler than the metal, or grey where it is old and wet; never of the metal's own tone.
    level = float(rng.uniform(205, 250) if rng.random() < 0.75 else rng.uniform(70, 105))
    tint = rng.normal((4, 1, -5), 5.0)
    white = linear(*(int(np.clip(level + part, 50, 252)) for part in tint))
    opacity = cover * np.clip(0.65 + 0.4 * inner + 0.16 * powder + 0.16 * drifts, 0.1, 0.98)
    if attack.form == "pits":
        opacity = opacity * (1.0 - step(inner, 0.25, 0.5))
    chalk = repeat_channels((1.0 + 0.12 * powder + 0.08 * drifts).astype(np.float32)) * white
    chalked = mix_colours(etched.astype(np.float32), chalk.astype(np.float32), opacity.astype(np.float32))
    pit = np.zeros(shape, np.float32)
    if attack.form == "pits" or rng.random() < 0.6:
        seeds = cells(rng, shape, int(rng.integers(40, 500)))
        size = seeds.of_points(rng.gamma(1.0, 1.3, seeds.count) * u)
        pit = step(size - seeds.distance + 0.5 * u * powder, 0.0, 1.0) * step(inner, 0.05, 0.3)
    bare = 1.0 - cover
    raised = u * float(rng.uniform(0.5, 2.2)) * (0.5 * powder + 0.5 * drifts + 0.7)
    swell = u * 3.0 * np.sqrt(inner) if attack.form == "filiform" else 0.0
    return replace(
        plate,
        reflectance=mix_colours(chalked, linear(50, 47, 44), np.asarray(0.85 * pit, np.float32)),
        relief=np.asarray(plate.relief + cover * raised + swell - 2.0 * u * pit, dtype=np.float32),
        metal=np.asarray(plate.metal * bare * (1.0 - 0.6 * dull), dtype=np.float32),
        gloss=np.asarray(plate.gloss * (1.0 - 0.9 * cover), dtype=np.float32),
        coverage=np.maximum(plate.coverage, cover),
    )


def _patches(shape: Shape, u: float, rng: np.random.Generator) -> AnyField:
    """Return wide patches, from one side at times."""
    side = np.linspace(-1.0, 1.0, shape[0], dtype=np.float32)[:, None]
    patches = fractal(rng, shape, float(rng.uniform(30, 200)) * u, 7, 0.58)
    return np.asarray(patches + float(rng.normal(0, 0.8)) * side)


def _spots(shape: Shape, u: float, rng: np.random.Generator) -> AnyField:
    """Return round spots of different sizes."""
    seeds = cells(rng, shape, int(np.exp(rng.uniform(np.log(8), np.log(400)))))
    reach = seeds.of_points(1.0 + rng.gamma(1.6, 7.0, seeds.count) * u)
    return np.asarray(3.0 * np.exp(-seeds.distance / reach) + 0.3 * fractal(rng, shape, 30 * u, 4))


def _crevice(shape: Shape, u: float, rng: np.random.Generator) -> AnyField:
    """Return a little everywhere: crevices and scratches decide."""
    return 0.5 * fractal(rng, shape, 60 * u, 6, 0.6)


def _runs(shape: Shape, u: float, rng: np.random.Generator) -> AnyField:
    """Return runs of water from above."""
    columns = streaks(rng, (shape[1], shape[0]), 300 * u, float(rng.uniform(5, 24)) * u).T
    return np.asarray(1.4 * columns + 0.5 * fractal(rng, shape, 60 * u, 5, 0.6))


def _pits(shape: Shape, u: float, rng: np.random.Generator) -> AnyField:
    """Return small pits in colonies."""
    seeds = cells(rng, shape, int(shape[0] * shape[1] / (float(rng.uniform(6, 22)) * u) ** 2))
    size = seeds.of_points(rng.gamma(1.2, 1.4, seeds.count) * u)
    return np.asarray(3.0 * np.exp(-seeds.distance / (0.3 + size)) + 0.8 * fractal(rng, shape, 110 * u, 3))


def _blisters(shape: Shape, u: float, rng: np.random.Generator) -> AnyField:
    """Return blisters, few and large."""
    seeds = cells(rng, shape, int(rng.integers(5, 60)))
    reach = seeds.of_points((2.0 + rng.gamma(2.0, 4.0, seeds.count)) * u)
    bulge = np.clip(2.5 - seeds.distance / reach, -2.0, 2.5) + 0.15 * fractal(rng, shape, 12 * u, 4)
    return np.asarray(bulge, dtype=np.float32)


def _filiform(shape: Shape, u: float, rng: np.random.Generator) -> AnyField:
    """Return worm tracks, as they creep under a coat from scratches."""
    drawn = np.zeros(shape, dtype=np.uint8)
    origin = rng.uniform(0.2, 0.8, 2) * (shape[1], shape[0])
    for _ in range(int(rng.integers(12, 90))):
        steps = np.cumsum(rng.normal(0.0, 0.5, 24)) + float(rng.uniform(0, 2 * np.pi))
        path = np.cumsum(np.stack([np.cos(steps), np.sin(steps)], axis=1) * 4 * u, axis=0)
        start = origin + rng.normal(0, 70 * u, 2)
        cv2.polylines(
            drawn,
            [(path + start).astype(np.int32)],
            isClosed=False,
            color=255,
            thickness=max(1, round(3 * u)),
        )
    return 4.0 * blur(drawn.astype(np.float32) / 255.0, 1.5 * u) + 0.1 * fractal(rng, shape, 20 * u, 3)


_FORMS: dict[str, Callable[[Shape, float, np.random.Generator], AnyField]] = {
    "patches": _patches,
    "spots": _spots,
    "crevice": _crevice,
    "runs": _runs,
    "film": _patches,
    "pits": _pits,
    "blisters": _blisters,
    "filiform": _filiform,
}
