"""Render one picture of a metal part at a site, clean or corroded, with its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.exposure import LIGHTS, take_wide_picture
from converter.specimens.light import project_mask
from converter.specimens.noise import blur
from converter.specimens.plate import linear, mix_colours
from converter.specimens.rendering import REFERENCE_HEIGHT_PX, plate_shape
from converter.specimens.spec import (
    LATE_PITTING_FRACTION,
    LATE_UNIFORM_FRACTION,
    MIN_CORRODED_FRACTION,
    Material,
)
from converter.specimens.things.not_metal import Other, render_other_surface
from converter.specimens.worlds.decay import corrode_part
from converter.specimens.worlds.finishes import render_finish
from converter.specimens.worlds.parts import choose_part
from converter.specimens.worlds.soiling import brown_part, soil_part, tint_by_heat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from converter.specimens.noise import Field, Shape
    from converter.specimens.plate import Plate
    from converter.specimens.spec import Picture
    from converter.specimens.worlds.parts import Part

# Share of the clean pictures with brown soil, which a model must not take for rust.
_BROWN_SHARE = 0.4
_SURFACE, _DECAY, _SOIL, _BEHIND, _LIGHT, _CAMERA, _PLAN = range(20, 27)
PICTURES_PER_WORLD = 2
# Steel, zinc on it, and aluminium as often as both.
_METALS = (
    Material.STEEL,
    Material.ALUMINIUM,
    Material.STEEL,
    Material.ALUMINIUM,
    Material.STEEL,
    Material.ALUMINIUM,
    Material.GALVANIZED,
    Material.ALUMINIUM,
)


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """One picture of one part; equal specs of equal size render to equal bytes.

    Attributes:
        material: the metal.
        corroded: whether it is to corrode.
        seed: of the part, at least 0.
        view: of the picture: its soil, light and camera, at least 0.
    """

    material: Material
    corroded: bool
    seed: int = 0
    view: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A picture of a part and the truth about it.

    Attributes:
        pixels: uint8 BGR ``(height, width, 3)``.
        mask: 255 where corrosion covers the metal, 0 elsewhere.
        finish: of the surface, in words.
        light: its kind.
        area_fraction: corroded share of the picture.
        share_of_metal: corroded share of what is metal.
        pitted: whether the corrosion is of the kind that eats into light metal.
    """

    pixels: Picture
    mask: Picture
    finish: str
    light: str
    area_fraction: float
    share_of_metal: float

    pitted: bool

    @property
    def corroded(self) -> bool:
        """Whether the picture shows at least Ri 1 of corrosion."""
        return self.area_fraction >= MIN_CORRODED_FRACTION

    @property
    def form(self) -> str:
        """``none``, ``uniform`` or ``pitting``."""
        if not self.corroded:
            return "none"
        return "pitting" if self.pitted else "uniform"

    @property
    def severity(self) -> str:
        """``none``, ``mid`` or ``late``, by the corroded share of the metal."""
        if not self.corroded:
            return "none"
        late = LATE_PITTING_FRACTION if self.pitted else LATE_UNIFORM_FRACTION
        return "late" if self.share_of_metal >= late else "mid"


def plan_worlds(count: int, seed: int) -> Iterator[WorldSpec]:
    """Yield the pictures of a data set: of each part one clean and one corroded, metals in turn."""
    rng = np.random.default_rng((seed, _PLAN))
    for number in range(0, count, PICTURES_PER_WORLD):
        material = _METALS[number // PICTURES_PER_WORLD % len(_METALS)]
        part = int(rng.integers(2**31))
        for view in range(min(PICTURES_PER_WORLD, count - number)):
            yield WorldSpec(material, corroded=view == 1, seed=part, view=view)


def render_world(spec: WorldSpec, width_px: int, height_px: int) -> World:
    """Render a picture of ``spec`` with its truth."""
    shape = plate_shape(width_px, height_px)
    finish, part, plate = _make_part(spec, shape, height_px)
    inside = np.ones(shape, np.float32) if part.inside is None else part.inside
    if spec.corroded:
        rng = np.random.default_rng((spec.seed, _DECAY))
        plate = corrode_part(plate, spec.material, part.inside, rng, coated="paint" in finish)
    rng = np.random.default_rng((spec.seed, spec.view, _SOIL))
    before = plate.coverage
    if spec.corroded:
        plate = soil_part(plate, rng) if rng.random() < 0.35 else plate
    else:
        plate = brown_part(plate, rng) if rng.random() < _BROWN_SHARE else soil_part(plate, rng)
    plate = replace(plate, coverage=before)
    if part.inside is not None:
        plate = _put_before(plate, part.inside, spec, height_px)
    light = str(LIGHTS[int(np.random.default_rng((spec.seed, spec.view, _LIGHT)).integers(len(LIGHTS)))])
    rng = np.random.default_rng((spec.seed, spec.view, _CAMERA))
    pixels, camera = take_wide_picture(plate, (height_px, width_px), light, rng)
    mask = project_mask(plate.coverage, camera, (height_px, width_px))
    metal = project_mask(inside, camera, (height_px, width_px))
    area = float(np.count_nonzero(mask))
    return World(
        pixels=pixels,
        mask=mask,
        finish=finish,
        light=light,
        area_fraction=area / mask.size,
        share_of_metal=area / max(1.0, float(np.count_nonzero(metal))),
        pitted=spec.corroded and spec.material is Material.ALUMINIUM,
    )


def _make_part(spec: WorldSpec, shape: Shape, height_px: int) -> tuple[str, Part, Plate]:
    """Return the finish, the shape and the clean plate of a part."""
    rng = np.random.default_rng((spec.seed, _SURFACE))
    u = height_px / REFERENCE_HEIGHT_PX
    kind, part = choose_part(shape, u, rng)
    # Seen from near or far, its texture is coarse or fine.
    finish, plate = render_finish(spec.material, shape, u * float(np.exp(rng.uniform(-0.7, 0.6))), rng)
    plate = replace(
        plate,
        relief=np.asarray(plate.relief + part.relief, np.float32),
        weakness=np.maximum(plate.weakness, part.crevice),
        unit_px=u,
    )
    return f"{finish}, {kind}", part, tint_by_heat(plate, part, rng)


def _put_before(plate: Plate, inside: Field, spec: WorldSpec, height_px: int) -> Plate:
    """Return the part before something that is no metal, with a shadow on it."""
    rng = np.random.default_rng((spec.seed, spec.view, _BEHIND))
    u = height_px / REFERENCE_HEIGHT_PX
    shape = inside.shape
    kinds = list(Other)
    kind = kinds[int(rng.integers(len(kinds)))]
    if rng.random() < 0.35:
        even = linear(*(int(c) for c in np.clip(rng.uniform(20, 245) + rng.normal(0, 8, 3), 5, 250)))
        ground = np.ones((*shape, 3), np.float32) * even
        relief = np.zeros(shape, np.float32)
    else:
        behind = render_other_surface(kind, shape, u * float(rng.uniform(0.4, 1.1)), rng)
        ground, relief = behind.reflectance, behind.relief
    if rng.random() < 0.4:  # far behind: out of focus
        ground = np.asarray(cv2.GaussianBlur(ground, (0, 0), float(rng.uniform(1.5, 6)) * u), np.float32)
        relief = np.zeros(shape, np.float32)
    else:
        move = rng.normal(0, 8 * u, 2)
        moved = cv2.warpAffine(inside, np.array([[1, 0, move[0]], [0, 1, move[1]]]), (shape[1], shape[0]))
        dark = blur(np.asarray(moved, np.float32), float(rng.uniform(2, 9)) * u) * np.float32(
            rng.uniform(0.2, 0.8)
        )
        ground = mix_colours(ground, linear(8, 8, 8), dark)
    beside = 1.0 - inside
    return replace(
        plate,
        reflectance=mix_colours(plate.reflectance, ground, beside.astype(np.float32)),
        relief=np.asarray(plate.relief * inside + (relief - 2 * u) * beside, np.float32),
        metal=np.asarray(plate.metal * inside, np.float32),
        gloss=np.asarray(plate.gloss * inside + 0.03 * beside, np.float32),
        coverage=np.asarray(plate.coverage * inside, np.float32),
    )
