"""Give a metal surface the shape of a part: bolts, holes, weld seams, tubes, ribs, threads, edges, bars.

A part is a height over the plane, and where it does not fill the picture an outline; corrosion starts at its
crevices, and its heat tint is no corrosion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converter.specimens.noise import blur, cells, fractal, step

if TYPE_CHECKING:
    from collections.abc import Callable

    from converter.specimens.matte import AnyField
    from converter.specimens.noise import Field, Shape


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The shape of a part.

    Attributes:
        relief: height over the plane, in px.
        inside: 1 on the part, 0 beside it; None where it fills the picture.
        crevice: 0 to 1: where water stays and corrosion starts.
        heat: distance to a weld in units of its tint's width; None without a weld.
        bead: 1 on the bead of a weld; None without one.
    """

    relief: Field
    crevice: Field
    inside: Field | None = None
    heat: Field | None = None
    bead: Field | None = None


def choose_part(shape: Shape, u: float, rng: np.random.Generator) -> tuple[str, Part]:
    """Return a random part, its kind and its shape; one in four is a plain surface."""
    names = list(_PARTS)
    weights = np.array([_PARTS[name][1] for name in names])
    name = str(rng.choice(names, p=weights / weights.sum()))
    return name, _PARTS[name][0](shape, u, rng)


def _grid(shape: Shape, rng: np.random.Generator, turn: float | None = None) -> tuple[Field, Field]:
    """Return coordinates along and across a random direction, in px from near the middle."""
    angle = float(rng.uniform(0, 2 * np.pi)) if turn is None else turn
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    x -= np.float32(float(rng.uniform(0.35, 0.65)) * shape[1])
    y -= np.float32(float(rng.uniform(0.35, 0.65)) * shape[0])
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cos + y * sin, y * cos - x * sin


def _level_turn(rng: np.random.Generator) -> float:
    """Return an angle near a quarter turn: what people build stands upright or lies flat."""
    return float(rng.integers(4)) * np.pi / 2 + float(rng.normal(0, 0.12))


def _flat(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    bent = fractal(rng, shape, 260 * u, 2, 0.3)
    return Part(np.asarray(float(rng.uniform(0, 6)) * u * bent, np.float32), np.zeros(shape, np.float32))


def _bolts(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return bolt heads, nuts, rivets or screws, in a row, in a grid or anywhere."""
    along, across = _grid(shape, rng, _level_turn(rng))
    size = float(np.exp(rng.uniform(np.log(5), np.log(75)))) * u
    gap = size * float(rng.uniform(2.6, 6.0))
    cell_x = along - gap * np.round(along / gap)
    rows = rng.random() < 0.5
    cell_y = across - gap * np.round(across / gap) if rows else across
    kind = int(rng.integers(4))
    radius = np.hypot(cell_x, cell_y)
    if kind == 0:  # rivets
        height = 0.5 * size * np.sqrt(np.clip(1 - (radius / size) ** 2, 0, 1))
    else:
        corners = {1: 6, 2: 6, 3: 64}[kind]
        bearing = np.arctan2(cell_y, cell_x) + np.float32(rng.uniform(0, 1))
        sector = 2 * np.pi / corners
        flat = radius * np.cos(np.mod(bearing, sector) - sector / 2)
        head = 1.0 - step(flat.astype(np.float32), 0.8 * size, 0.8 * size + 2.5 * u)
        washer = 1.0 - step(radius.astype(np.float32), 1.3 * size, 1.3 * size + 2 * u)
        height = 0.35 * size * head + 0.08 * size * washer
        if kind == 2:  # a stud through a nut
            height = height + 0.2 * size * (1.0 - step(radius.astype(np.float32), 0.4 * size, 0.45 * size))
        if kind == 3:  # the slot of a screw
            height = height - 0.2 * size * head * (np.abs(cell_x) < 0.13 * size)
    ring = np.exp(-(((radius - 1.25 * size) / (0.35 * size)) ** 2))
    return Part(height.astype(np.float32), ring.astype(np.float32))


def _weld(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return a weld seam: a rippled bead, spatter, and a width of heat tint on both sides."""
    along, across = _grid(shape, rng, _level_turn(rng))
    across = across + 8 * u * fractal(rng, shape, 150 * u, 3)
    half = float(rng.uniform(6, 34)) * u
    profile = np.sqrt(np.clip(1 - (across / half) ** 2, 0, 1))
    pitch = half * float(rng.uniform(0.25, 0.8))
    ripple = np.sin((along + 0.7 * across**2 / half) * np.float32(2 * np.pi / pitch))
    lumps = fractal(rng, shape, half, 3, 0.6)
    relief = half * profile * (0.5 + 0.1 * lumps) + 0.05 * half * profile * ripple
    drops = cells(rng, shape, int(rng.integers(3, 60)))
    size = drops.of_points(rng.gamma(1.5, 1.0, drops.count) * u)
    relief = relief + np.sqrt(np.clip(size**2 - drops.distance**2, 0, None))
    wide = half * float(rng.uniform(0.6, 4.0))
    heat = (np.abs(across) - half) / wide + 0.12 * fractal(rng, shape, 50 * u, 4)
    toe = np.exp(-(((np.abs(across) - half) / (0.25 * half)) ** 2))
    bead = step(profile.astype(np.float32), 0.0, 0.4)
    return Part(relief.astype(np.float32), toe.astype(np.float32), None, heat.astype(np.float32), bead)


def _holed(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return a flat part with holes, whole or cut off by the picture, as it lies on something."""
    along, across = _grid(shape, rng)
    high = float(rng.uniform(0.25, 0.75)) * shape[0]
    wide = high * float(rng.uniform(0.25, 1.3))
    corner = float(rng.uniform(0.0, 0.6)) * min(high, wide) / 2
    box_x = np.maximum(np.abs(along) - high / 2 + corner, 0)
    box_y = np.maximum(np.abs(across) - wide / 2 + corner, 0)
    away = np.hypot(box_x, box_y) - corner
    kind = int(rng.integers(4))
    if kind == 1:  # a disc or a ring
        away = np.hypot(along, across) - high / 2
    if kind == 2:  # an angle
        arm = np.maximum(np.abs(along + high / 3) - high / 6, np.abs(across - wide / 3) - wide / 1.3)
        away = np.minimum(away, arm)
    for _ in range(int(rng.integers(0, 7))):
        at = rng.uniform(-0.42, 0.42, 2) * (high, wide)
        hole = float(rng.uniform(0.03, 0.16)) * high
        away = np.maximum(away, hole - np.hypot(along - at[0], across - at[1]))
    return _cut_out(away, float(rng.uniform(1.5, 9)) * u, u)


def _cut_out(away: AnyField, thick: float, u: float) -> Part:
    """Return a flat part ``thick`` px high where ``away``, px outside of its outline, is below 0."""
    away = away.astype(np.float32)
    inside = step(-away, -0.7, 0.7)
    bevel = step(-away, -0.5, 2.0 * u)
    rim = np.exp(-((away / (5 * u)) ** 2)) * inside
    return Part(np.asarray(thick * bevel, np.float32), np.asarray(rim, np.float32), inside)


def _tube(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return a pipe or bar across the picture, often with a flange, rings or a thread."""
    along, across = _grid(shape, rng, _level_turn(rng) if rng.random() < 0.6 else None)
    taper = 1.0 + float(rng.normal(0, 0.25)) * along / shape[0]
    radius = float(rng.uniform(0.08, 0.6)) * shape[0] * np.clip(taper, 0.4, 2.0)
    kind = int(rng.integers(4))
    crevice = np.zeros(shape, np.float32)
    if kind == 1:  # a thread: a helix seen from the side
        pitch = float(rng.uniform(5, 26)) * u
        phase = along / pitch + 0.25 * across / np.maximum(radius, 1)
        tooth = np.abs(np.mod(phase, 1.0) - 0.5)
        radius = radius + pitch * 0.5 * tooth
        crevice = (1.0 - 2 * tooth).astype(np.float32)
    if kind == 2:  # flanges and collars
        at, half = float(rng.uniform(-0.3, 0.3)) * shape[0], float(rng.uniform(0.02, 0.09)) * shape[0]
        collar = 1.0 - step(np.abs(along - at), half, half + 2 * u)
        radius = radius * (1.0 + float(rng.uniform(0.15, 0.6)) * collar)
        crevice = np.exp(-(((np.abs(along - at) - half) / (6 * u)) ** 2)).astype(np.float32)
    away = np.abs(across) - radius
    inside = step(-away.astype(np.float32), -0.7, 0.7)
    height = np.sqrt(np.clip(radius**2 - across**2, 0, None))
    return Part(np.asarray(0.9 * height, np.float32), crevice * inside, inside)


def _ribs(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return corrugated or ribbed sheet, louvres or a roller door."""
    along, _ = _grid(shape, rng, _level_turn(rng))
    period = float(np.exp(rng.uniform(np.log(14), np.log(150)))) * u
    wave = np.sin(along * np.float32(2 * np.pi / period))
    sharp = float(rng.choice([0.0, 0.0, 3.0, 8.0]))
    profile = wave if sharp == 0.0 else np.tanh(sharp * wave)
    deep = period * float(rng.uniform(0.04, 0.14))
    return Part((deep * profile).astype(np.float32), step(-wave, 0.75, 1.0))


def _tread(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return chequer plate: bars raised in turn one way and the other."""
    along, across = _grid(shape, rng)
    period = float(rng.uniform(16, 80)) * u
    column, row = np.round(along / period), np.round(across / period)
    x, y = along - column * period, across - row * period
    even = np.mod(column + row, 2) < 0.5
    long, short = np.where(even, x, y), np.where(even, y, x)
    lens = 1 - (long / (0.62 * period)) ** 2 - (short / (0.14 * period)) ** 2
    height = 0.09 * period * step(lens.astype(np.float32), 0.0, 0.6)
    return Part(
        height, step(-lens.astype(np.float32), -0.1, 0.9) * (1.0 - step(-lens.astype(np.float32), 1, 3))
    )


def _lap(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return sheets that overlap along seams, with rivets or spot welds beside them."""
    along, across = _grid(shape, rng, _level_turn(rng))
    gap = float(rng.uniform(80, 400)) * u
    at = (across - gap * np.round(across / gap)).astype(np.float32)
    thick = float(rng.uniform(1.0, 5.0)) * u
    under = 1.0 - step(at, gap * 0.3, gap * 0.49)
    height = np.asarray(thick * step(at, -0.8 * u, 0.8 * u) * under, np.float32)
    pitch = float(rng.uniform(18, 60)) * u
    size = float(rng.uniform(2.5, 8)) * u
    spot = np.hypot(along - pitch * np.round(along / pitch), np.abs(at) - 2.5 * size)
    rivet = float(rng.choice([-0.5, 0.5])) * np.sqrt(np.clip(size**2 - spot**2, 0, None))
    crevice = np.exp(-((at / (4 * u)) ** 2)) + 0.7 * np.exp(-(((spot - size) / (2.5 * u)) ** 2))
    return Part((height + rivet).astype(np.float32), np.clip(crevice, 0, 1).astype(np.float32))


def _edge(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return the edge of a sheet or a corner of one; the rest of the picture is behind it."""
    along, across = _grid(shape, rng)
    away = across - float(rng.uniform(-0.05, 0.25)) * shape[0]
    if rng.random() < 0.4:
        away = np.maximum(away, along - float(rng.uniform(0.0, 0.25)) * shape[0])
    return _cut_out(away, float(rng.uniform(2, 12)) * u, u)


def _bars(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return a railing, lattice, rebar or a few bars before something else."""
    height = np.full(shape, -1.0, dtype=np.float32)
    crevice = np.zeros(shape, np.float32)
    main = _level_turn(rng)
    for number in range(int(rng.integers(1, 8))):
        along, across = _grid(shape, rng, main + (np.pi / 2 if number % 3 == 2 else 0.0))
        across = across - np.float32(rng.uniform(-0.45, 0.45) * shape[0])
        radius = float(rng.uniform(0.015, 0.11)) * shape[0]
        if rng.random() < 0.3:
            ribs = np.sin(along * np.float32(2 * np.pi / (0.8 * radius)) + across / radius)
            radius = radius * (1.0 + 0.08 * ribs)
        flat = rng.random() < 0.4
        bar = radius if flat else np.sqrt(np.clip(radius**2 - across**2, 0, None))
        bar = np.where(np.abs(across) < radius, bar, -1.0).astype(np.float32)
        crevice = np.maximum(crevice, ((bar > 0) & (height > 0)).astype(np.float32))
        height = np.maximum(height, bar)
    inside = blur((height > 0).astype(np.float32), 0.7)
    return Part(np.maximum(height, 0), blur(crevice, 5 * u), inside)


def _pierced(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return perforated sheet, grating or mesh."""
    along, across = _grid(shape, rng, _level_turn(rng))
    period = float(rng.uniform(14, 70)) * u
    row = np.round(across / period)
    shifted = along + (0.5 * period * np.mod(row, 2) if rng.random() < 0.5 else 0.0)
    x, y = shifted - period * np.round(shifted / period), across - row * period
    hole = float(rng.uniform(0.22, 0.42)) * period
    away = hole - (np.hypot(x, y) if rng.random() < 0.5 else np.maximum(np.abs(x), np.abs(y)))
    return _cut_out(away, float(rng.uniform(1, 4)) * u, u)


def _fasteners(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return loose screws, nuts and washers on something."""
    away = np.full(shape, 1e3, dtype=np.float32)
    height = np.zeros(shape, dtype=np.float32)
    crevice = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        along, across = _grid(shape, rng)
        along = along + np.float32(rng.normal(0, 0.18) * shape[0])
        across = across + np.float32(rng.normal(0, 0.18) * shape[0])
        size = float(rng.uniform(0.05, 0.16)) * shape[0]
        if rng.random() < 0.5:  # a screw from the side
            pitch = size * 0.3
            tooth = np.abs(np.mod(along / pitch + 0.2 * across / size, 1.0) - 0.5)
            half = np.where(along > 1.5 * size, size * 0.9, size * (0.42 + 0.1 * tooth))
            own = np.maximum(np.abs(across) - half, np.abs(along) - 2.2 * size)
            own_height = np.sqrt(np.clip(half**2 - across**2, 0, None))
            crevice = np.maximum(crevice, (own < 0) * (1.0 - 2 * tooth).astype(np.float32))
        else:
            radius = np.hypot(along, across)
            bearing = np.mod(np.arctan2(across, along), np.pi / 3) - np.pi / 6
            own = np.maximum(radius * np.cos(bearing) - size, 0.55 * size - radius)
            own_height = 0.6 * size * step(-own.astype(np.float32), 0.0, 2.5 * u)
        away = np.minimum(away, own)
        height = np.where(own < 0, own_height, height)
    return Part(
        height.astype(np.float32), crevice.astype(np.float32), step(-away.astype(np.float32), -0.7, 0.7)
    )


def _dented(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return crumpled or dented sheet."""
    facets = cells(rng, shape, int(rng.integers(6, 60)))
    far = float(facets.distance.max()) + 1.0
    folds = facets.distance / far + 0.3 * fractal(rng, shape, 60 * u, 4)
    return Part(np.asarray(float(rng.uniform(4, 40)) * u * folds, np.float32), np.zeros(shape, np.float32))


def _rings(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return a lid, wheel or disc with concentric rings."""
    along, across = _grid(shape, rng)
    away = np.hypot(along, across * float(rng.uniform(1.0, 1.5)))
    outer = float(rng.uniform(0.2, 0.6)) * shape[0]
    profile = np.take(np.cumsum(rng.normal(0, 1.2, 24)), np.minimum(away / outer * 23, 23).astype(np.int32))
    part = _cut_out(away - outer, 3 * u, u)
    relief = part.relief + u * blur(profile.astype(np.float32), 1.5)
    return Part(relief, part.crevice, part.inside)


def _boxed(shape: Shape, u: float, rng: np.random.Generator) -> Part:
    """Return a cabinet, tank, sign or vehicle part at a distance: panels, gaps and ledges."""
    along, across = _grid(shape, rng, _level_turn(rng))
    high, wide = float(rng.uniform(0.4, 1.1)) * shape[0], float(rng.uniform(0.3, 1.0)) * shape[0]
    away = np.maximum(np.abs(along) - high / 2, np.abs(across) - wide / 2)
    part = _cut_out(away, 10 * u, u)
    lines = np.full(shape, 1e3, dtype=np.float32)
    for _ in range(int(rng.integers(1, 6))):
        axis = along if rng.random() < 0.5 else across
        lines = np.minimum(lines, np.abs(axis - float(rng.uniform(-0.4, 0.4)) * high))
    groove = np.exp(-((lines / (1.8 * u)) ** 2)).astype(np.float32)
    inside = part.inside
    return Part(part.relief - 3 * u * groove, np.maximum(part.crevice, groove * (away < 0)), inside)


_PARTS: dict[str, tuple[Callable[[Shape, float, np.random.Generator], Part], float]] = {
    "surface": (_flat, 4.0),
    "bolts": (_bolts, 1.6),
    "weld": (_weld, 1.5),
    "holed part": (_holed, 2.2),
    "tube": (_tube, 1.6),
    "ribs": (_ribs, 1.0),
    "tread": (_tread, 0.6),
    "lap": (_lap, 1.2),
    "edge": (_edge, 0.9),
    "bars": (_bars, 1.2),
    "pierced": (_pierced, 0.6),
    "fasteners": (_fasteners, 1.2),
    "dented": (_dented, 0.6),
    "rings": (_rings, 0.6),
    "box": (_boxed, 1.4),
}
