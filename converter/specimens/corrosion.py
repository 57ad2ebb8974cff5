"""Render corrosion on a clean plate for a number of hours: rust, white rust, pits and bloom.

Every point of a plate has an hour at which it begins to corrode, fixed by the specimen's seed; so the same
specimen at a later hour shows the same spots, larger and older, and the corroded area never shrinks.
The covered share follows the law of Avrami for nucleation and growth. Its times put the
pictures of an acid bath within days; they predict no structure's life.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from converter.specimens.noise import (
    Field,
    blur,
    cells,
    displace,
    fractal,
    rank_values,
    speckle,
    step,
    streaks,
)
from converter.specimens.plate import Colours, Plate, linear, mix_colours, repeat_channels
from converter.specimens.spec import MIN_CORRODED_FRACTION, Finish, Material, SpecimenSpec

# Share of the growth so far over which the edge of a spot goes from bare to covered.
_EDGE_SHARE = 0.10
# Hour of points that never corrode: far beyond MAX_CORROSION_HOURS.
_NEVER_HOURS = 1e6
# Larger than any fraying of a pit's edge: a pit that has not begun stays absent.
_EDGE_FAR_PX = 1e4

# Rust from its first film to old crust, sRGB by eye from photographs: bright, dull, yellow.
_RUSTS = (
    ((176, 108, 64), (164, 88, 48), (148, 75, 41), (114, 60, 38), (92, 55, 41), (62, 44, 38)),
    ((140, 100, 74), (130, 88, 64), (116, 76, 60), (94, 63, 54), (78, 58, 52), (58, 47, 44)),
    ((182, 132, 74), (172, 112, 56), (164, 100, 46), (132, 78, 41), (104, 66, 42), (68, 49, 38)),
)
_AGE_LEVELS, _HUE_LEVELS = 64, 16


@dataclass(frozen=True, slots=True)
class Kinetics:
    """The growth of the covered share: ``final * (1 - exp(-(hours / scale_hours) ** exponent))``."""

    scale_hours: float
    exponent: float
    final: float

    def fraction(self, hours: float) -> float:
        """Return the share of a whole plate that is covered after ``hours``."""
        return float(self.final * -np.expm1(-((hours / self.scale_hours) ** self.exponent)))

    def hours(self, fraction: float) -> float:
        """Return the hours after which ``fraction`` of a whole plate is covered; below ``final``."""
        share = min(fraction / self.final, 0.999)
        return float(self.scale_hours * (-np.log1p(-share)) ** (1.0 / self.exponent))

    def onset(self, susceptibility: Field) -> Field:
        """Return the hour at which each point begins to corrode; the most susceptible point begins first."""

        def hours(rank: Field) -> Field:
            share = rank / np.float32(self.final)
            began = self.scale_hours * (-np.log1p(-np.minimum(share, 0.99999))) ** (1.0 / self.exponent)
            return np.where(share < 1.0, began, _NEVER_HOURS).astype(np.float32)

        return rank_values(susceptibility, hours)

    def grown(self, onset: Field, hours: float, roughness: Field) -> tuple[Field, Field]:
        """Return coverage and maturity, 0 to 1 each, of points that began at ``onset``.

        Coverage passes one half about where corrosion began; ``roughness``, mean 0, frays its edge.
        """
        span = min(hours, self.scale_hours)
        progress = (hours - onset) * np.float32(1.0 / span) + roughness
        coverage = step(progress, -0.5 * _EDGE_SHARE, 0.5 * _EDGE_SHARE)
        maturity = np.clip((hours - onset) * np.float32(0.55 / self.scale_hours), 0.0, 1.0)
        return coverage, np.asarray(maturity, dtype=np.float32)


STEEL_RUST = Kinetics(scale_hours=72.0, exponent=1.5, final=1.0)
PAINTED_RUST = Kinetics(scale_hours=400.0, exponent=1.3, final=0.75)
WHITE_RUST = Kinetics(scale_hours=120.0, exponent=1.3, final=0.85)
GALVANIZED_RED_RUST = Kinetics(scale_hours=900.0, exponent=2.0, final=0.7)
ALUMINIUM_BLOOM = Kinetics(scale_hours=260.0, exponent=1.3, final=0.40)
ALUMINIUM_PITS = Kinetics(scale_hours=140.0, exponent=1.1, final=1.0)


def find_kinetics(material: Material, finish: Finish) -> Kinetics:
    """Return the kinetics of the corrosion product that covers such a plate first."""
    if material is Material.ALUMINIUM:
        return ALUMINIUM_BLOOM
    if finish is Finish.PAINTED:
        return PAINTED_RUST
    return WHITE_RUST if material is Material.GALVANIZED else STEEL_RUST


def corrode(plate: Plate, spec: SpecimenSpec, rng: np.random.Generator) -> Plate:
    """Return ``plate`` after ``spec.corrosion_hours``; unchanged at 0 hours."""
    if spec.corrosion_hours == 0.0:
        return plate
    if spec.material is Material.ALUMINIUM:
        return _pit_aluminium(plate, spec.corrosion_hours, rng)
    if spec.finish is Finish.PAINTED:
        return _rust_steel(plate, spec.corrosion_hours, rng, PAINTED_RUST)
    if spec.material is Material.GALVANIZED:
        white = _rust_zinc(plate, spec.corrosion_hours, rng)
        if GALVANIZED_RED_RUST.fraction(spec.corrosion_hours) < MIN_CORRODED_FRACTION:
            return white
        return _rust_steel(white, spec.corrosion_hours, rng, GALVANIZED_RED_RUST)
    return _rust_steel(plate, spec.corrosion_hours, rng, STEEL_RUST)


def _susceptibility(plate: Plate, rng: np.random.Generator) -> Field:
    """Return where rust starts first: patches, spots, runs of water, and every scratch and chip."""
    u, shape = plate.unit_px, plate.relief.shape
    patches = fractal(rng, shape, float(rng.uniform(60, 170)) * u, 7, 0.58)
    sources = cells(rng, shape, int(rng.integers(12, 60)))
    reach = sources.of_points(1.0 + rng.gamma(2.0, 9.0, sources.count) * u)
    spots = np.exp(-sources.distance / reach)
    runs = streaks(rng, (shape[1], shape[0]), 220 * u, 14 * u).T
    wet_edge = np.linspace(-1.0, 1.0, shape[0], dtype=np.float32)[:, None]
    field = (
        patches
        + float(rng.uniform(0.6, 1.8)) * spots
        + float(rng.uniform(0.0, 0.25)) * runs
        + float(rng.normal(0.0, 0.25)) * wet_edge
        + 2.5 * plate.weakness
    )
    frayed = displace(field, 2.0 * u * patches, 2.0 * u * runs)
    return np.asarray(frayed + 0.17 * fractal(rng, shape, 6 * u, 4, 0.85), dtype=np.float32)


def _rust_steel(plate: Plate, hours: float, rng: np.random.Generator, kinetics: Kinetics) -> Plate:
    """Return the plate under red-brown rust: run-off and halo, film, crust that flakes, pits."""
    u, shape = plate.unit_px, plate.relief.shape
    painted = kinetics is PAINTED_RUST
    susceptibility = _susceptibility(plate, rng)
    if painted:
        # Under paint rust spreads from chips and scratches; elsewhere the coat holds long.
        susceptibility += 5.0 * blur(plate.weakness, 5 * u)
    onset = kinetics.onset(susceptibility)
    grain = fractal(rng, shape, 6 * u, 4, 0.85)
    lumps = fractal(rng, shape, 24 * u, 5, 0.68)
    sheets = _find_sheets(lumps, grain)
    coverage, maturity = kinetics.grown(onset, hours, np.asarray(0.03 * grain, dtype=np.float32))
    tinted = _stain_by_run_off(plate, coverage, rng, strength=0.75 if painted else 0.60)
    exposure = float(min(1.0, 0.5 * hours / kinetics.scale_hours))
    # 0 at the rim of a spot, 1 where the plate began to rust: old middles, thin young rims.
    inner = np.clip((hours - onset) * np.float32(1.0 / hours), 0.0, 1.0)
    weathered = float(rng.uniform(-0.04, 0.20))
    age = weathered + 0.20 * exposure + 0.34 * maturity + 0.30 * inner * inner + 0.07 * lumps + 0.075 * grain
    age += 0.14 * sheets * np.minimum(1.0, 0.3 + 1.2 * maturity)
    hue = 0.40 + float(rng.uniform(-0.42, 0.22)) + 0.20 * fractal(rng, shape, 90 * u, 4) + 0.05 * lumps
    cavities = step(fractal(rng, shape, 4.5 * u, 2, 0.6) + 0.6 * lumps, 1.1, 2.2)
    shade = np.asarray(1.0 - 0.45 * cavities + 0.07 * speckle(rng, shape), dtype=np.float32)
    colour = _rust_colour(age, hue) * repeat_channels(shade)
    thickness = coverage * (0.35 + 0.65 * maturity)
    opacity = coverage * np.clip(0.58 + 0.9 * inner + 0.6 * maturity + 0.13 * grain, 0.35, 1.0)
    crust = coverage * (0.7 + 1.6 * maturity) * (0.5 * lumps + 0.75 * grain - 1.2 * cavities)
    flakes = 1.3 * sheets * step(maturity * coverage, 0.15, 0.6)
    bare = 1.0 - coverage
    return replace(
        tinted,
        reflectance=mix_colours(tinted.reflectance, np.asarray(colour), np.asarray(opacity)),
        relief=np.asarray(
            plate.relief * bare + 0.5 * u * crust + u * (1.2 * thickness + flakes), dtype=np.float32
        ),
        metal=np.asarray(tinted.metal * bare, dtype=np.float32),
        gloss=np.asarray(tinted.gloss * (1.0 - 0.94 * coverage), dtype=np.float32),
        coverage=np.maximum(plate.coverage, coverage),
    )


def _find_sheets(lumps: Field, grain: Field) -> Field:
    """Return 1 where a darker upper layer of the crust still lies, 0 where it has split off; ragged edges."""
    edge = np.asarray(lumps + 0.25 * grain, dtype=np.float32)
    return np.asarray(0.6 * step(edge, 0.30, 0.48) + 0.4 * step(edge, -0.85, -0.65), dtype=np.float32)


def _rust_colour(age: Field, hue: Field) -> Colours:
    """Return linear BGR of rust: light orange at age 0 to dark brown at 1; dull at hue 0, yellow at 1."""
    row = (np.clip(age, 0.0, 1.0) * (_AGE_LEVELS - 1)).astype(np.int32)
    column = (np.clip(hue, 0.0, 1.0) * (_HUE_LEVELS - 1)).astype(np.int32)
    return np.asarray(np.take(_rust_table(), row * _HUE_LEVELS + column, axis=0), dtype=np.float32)


def _rust_table() -> Colours:
    """Return colours by age and hue, shape ``(_AGE_LEVELS * _HUE_LEVELS, 3)``."""
    # Dull at hue 0, bright in the middle, yellow at 1.
    anchors = np.stack([np.stack([linear(*colour) for colour in _RUSTS[kind]]) for kind in (1, 0, 2)], axis=1)
    table = cv2.resize(anchors, (_HUE_LEVELS, _AGE_LEVELS), interpolation=cv2.INTER_LINEAR)
    return np.asarray(table.reshape(-1, 3), dtype=np.float32)


def _stain_by_run_off(plate: Plate, coverage: Field, rng: np.random.Generator, strength: float) -> Plate:
    """Return the plate stained orange around and below rust; a stain is no corrosion and not in the mask."""
    u, shape = plate.unit_px, plate.relief.shape
    length = max(3, int(float(rng.uniform(40, 150)) * u))
    drawn = cv2.boxFilter(
        coverage, cv2.CV_32F, (1, length), anchor=(0, length - 1), borderType=cv2.BORDER_REPLICATE
    )
    columns = streaks(rng, (shape[1], shape[0]), 420 * u, 5 * u).T
    runs = np.asarray(drawn, dtype=np.float32) * step(columns, -0.2, 1.4)
    halo = blur(coverage, 5 * u)
    stain = np.clip(strength * (1.1 * runs + 0.8 * halo), 0.0, 0.85)
    # A glaze: it filters what lies under it and adds little of its own.
    clear, own = linear(236, 172, 112), 0.05 * linear(206, 128, 64)
    planes = [
        plane * (1.0 - stain * (1.0 - clear[i])) + own[i] * stain
        for i, plane in enumerate(cv2.split(plate.reflectance))
    ]
    return replace(
        plate,
        reflectance=np.asarray(cv2.merge(planes), dtype=np.float32),
        metal=np.asarray(plate.metal * (1.0 - 0.7 * stain), dtype=np.float32),
    )


def _rust_zinc(plate: Plate, hours: float, rng: np.random.Generator) -> Plate:
    """Return zinc under white rust: chalky powder in drifts, the metal dulled and darkened around it."""
    u, shape = plate.unit_px, plate.relief.shape
    onset = WHITE_RUST.onset(_susceptibility(plate, rng))
    powder = fractal(rng, shape, 7 * u, 4, 0.8)
    drifts = fractal(rng, shape, 34 * u, 4, 0.6)
    coverage, maturity = WHITE_RUST.grown(onset, hours, np.asarray(0.05 * powder, dtype=np.float32))
    dull = np.clip(0.8 * blur(coverage, 9 * u), 0.0, 1.0)
    greyed = plate.reflectance * repeat_channels(np.asarray(1.0 - 0.30 * dull, dtype=np.float32))
    opacity = coverage * np.clip(0.66 + 0.35 * maturity + 0.12 * powder + 0.15 * drifts, 0.15, 0.98)
    bare = 1.0 - coverage
    return replace(
        plate,
        reflectance=mix_colours(
            np.asarray(greyed, dtype=np.float32), linear(234, 235, 231), opacity.astype(np.float32)
        ),
        relief=np.asarray(
            plate.relief * bare + coverage * u * (0.30 * powder + 0.4 * drifts + 0.7), dtype=np.float32
        ),
        metal=np.asarray(plate.metal * bare * (1.0 - 0.6 * dull), dtype=np.float32),
        gloss=np.asarray(plate.gloss * bare, dtype=np.float32),
        coverage=coverage,
    )


def _pit_aluminium(plate: Plate, hours: float, rng: np.random.Generator) -> Plate:
    """Return aluminium with pits that deepen and white bloom that gathers around them."""
    u, shape = plate.unit_px, plate.relief.shape
    pit, depth, nearness = _grow_pits(plate, hours, rng)
    patches = fractal(rng, shape, 90 * u, 6, 0.55)
    powder = fractal(rng, shape, 6 * u, 3, 0.8)
    drifts = fractal(rng, shape, 26 * u, 4, 0.6)
    field = patches + 1.6 * nearness + 2.0 * plate.weakness + 0.08 * speckle(rng, shape)
    onset = ALUMINIUM_BLOOM.onset(np.asarray(field, dtype=np.float32))
    bloom, maturity = ALUMINIUM_BLOOM.grown(onset, hours, np.asarray(0.05 * powder, dtype=np.float32))
    dull = np.clip(blur(np.maximum(bloom, pit), 7 * u), 0.0, 1.0)
    etched = plate.reflectance * repeat_channels(np.asarray(1.0 - 0.32 * dull, dtype=np.float32))
    opacity = bloom * np.clip(0.66 + 0.4 * maturity + 0.14 * powder + 0.16 * drifts, 0.12, 0.97)
    chalked = mix_colours(
        np.asarray(etched, dtype=np.float32), linear(238, 239, 236), opacity.astype(np.float32)
    )
    cover = np.maximum(bloom, pit)
    grown = plate.relief * (1.0 - bloom) + bloom * u * (0.3 * powder + 0.5 * drifts + 0.6)
    return replace(
        plate,
        reflectance=mix_colours(chalked, linear(66, 63, 60), np.asarray(pit * (0.50 + 0.42 * depth))),
        relief=np.asarray(grown - u * (1.2 * pit + 2.4 * depth), dtype=np.float32),
        metal=np.asarray(plate.metal * (1.0 - cover) * (1.0 - 0.5 * dull), dtype=np.float32),
        gloss=np.asarray(plate.gloss * (1.0 - cover) * (1.0 - 0.4 * dull), dtype=np.float32),
        coverage=cover,
    )


def _grow_pits(plate: Plate, hours: float, rng: np.random.Generator) -> tuple[Field, Field, Field]:
    """Return pit coverage, depth from 0 to 1, and a field near 1 around the pits that start early.

    A pit grows with the cube root of its age (Godard 1960, pitting of aluminium in water).
    """
    u, shape = plate.unit_px, plate.relief.shape
    sites = cells(rng, shape, max(6, int(shape[0] * shape[1] / (float(rng.uniform(12, 21)) * u) ** 2)))
    # Pits come in colonies: some regions begin many times earlier than others.
    colony = fractal(rng, shape, 110 * u, 3)[sites.rows, sites.columns]
    scale = ALUMINIUM_PITS.scale_hours * np.exp(-1.1 * colony.astype(np.float64))
    began = scale * rng.weibull(ALUMINIUM_PITS.exponent, sites.count)
    size = 0.35 + rng.gamma(0.9, 1.15, sites.count)
    age = np.maximum(0.0, hours - began) / ALUMINIUM_PITS.scale_hours
    radius = sites.of_points(np.where(age > 0.0, size * np.cbrt(age) * u, -_EDGE_FAR_PX))
    fray = (0.35 * u + 0.25 * np.maximum(radius, 0.0)) * fractal(rng, shape, 5 * u, 3)
    edge = np.asarray(radius - sites.distance + fray, dtype=np.float32)
    early = np.exp(-began / ALUMINIUM_PITS.scale_hours) * np.minimum(1.0, size / 2.0)
    nearness = sites.of_points(early) * np.exp(-sites.distance / np.float32(8.0 * u))
    return step(edge, 0.0, 1.0), step(edge, 0.0, 3.5 * u), nearness
