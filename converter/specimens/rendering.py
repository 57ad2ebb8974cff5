"""Render one picture of one specimen: its plate, then the light and the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from converter.specimens.corrosion import corrode
from converter.specimens.light import (
    LAMPS,
    VirtualCamera,
    choose_camera,
    choose_lighting,
    photograph,
    project_mask,
    shade,
)
from converter.specimens.spec import Picture, Specimen, SpecimenSpec
from converter.specimens.surface import render_clean_plate

if TYPE_CHECKING:
    from converter.specimens.noise import Shape
    from converter.specimens.plate import Plate
    from converter.specimens.spec import Light

# The plate is larger than the picture by this factor: room for the camera to tilt, roll and move.
PLATE_MARGIN = 1.18
# Sizes on the plate are given for a picture this high, and scale with it.
REFERENCE_HEIGHT_PX = 360.0
SIDE_LIMITS_PX = (64, 4096)

# Independent random streams of one specimen: another lamp must not change its rust.
SURFACE_STREAM, _CORROSION, _LIGHT, CAMERA_STREAM = range(4)


class PictureSpec(Protocol):
    """What the light and the camera of a picture depend on."""

    @property
    def light(self) -> Light:
        """Under which the picture is taken."""

    @property
    def seed(self) -> int:
        """Of the subject."""

    @property
    def view(self) -> int:
        """Of the picture."""


def render_plate(spec: SpecimenSpec, shape: Shape, unit_px: float) -> Plate:
    """Render the plate of ``spec`` after its hours of corrosion, seen from straight above.

    Args:
        spec: light and view are not used.
        shape: (height, width) in px.
        unit_px: px of one length unit; 1 for a picture 360 px high.
    """
    clean = render_clean_plate(spec, shape, unit_px, np.random.default_rng((spec.seed, SURFACE_STREAM)))
    return corrode(clean, spec, np.random.default_rng((spec.seed, _CORROSION)))


def render(spec: SpecimenSpec, width_px: int, height_px: int) -> Specimen:
    """Render a picture of ``spec`` with its truth; equal arguments give equal bytes on one machine.

    Raises:
        ValueError: a side is below 64 px or above 4096 px.
    """
    shape = plate_shape(width_px, height_px)
    plate = render_plate(spec, shape, height_px / REFERENCE_HEIGHT_PX)
    pixels, camera = take_picture(plate, spec, width_px, height_px)
    return Specimen(spec=spec, pixels=pixels, mask=project_mask(plate.coverage, camera, pixels.shape[:2]))


def plate_shape(width_px: int, height_px: int) -> Shape:
    """Return (height, width) of the plate for a picture of this size."""
    low, high = SIDE_LIMITS_PX
    if not (low <= width_px <= high and low <= height_px <= high):
        raise ValueError(f"picture is {width_px}x{height_px} px, expected sides of {low} to {high} px")
    return round(height_px * PLATE_MARGIN), round(width_px * PLATE_MARGIN)


def take_picture(
    plate: Plate, spec: PictureSpec, width_px: int, height_px: int
) -> tuple[Picture, VirtualCamera]:
    """Return the picture of a plate under the light of ``spec``, and the camera that took it."""
    lighting = choose_lighting(spec.light, np.random.default_rng((spec.seed, spec.view, _LIGHT)))
    rng = np.random.default_rng((spec.seed, spec.view, CAMERA_STREAM))
    camera = choose_camera(plate.relief.shape, (height_px, width_px), LAMPS[spec.light].noise, rng)
    return photograph(shade(plate, lighting, height_px), camera, (height_px, width_px), rng), camera
