"""Compute the scale of a picture, in millimetres of surface for each pixel, and areas from it. Pure.

The scale is fixed, or that of a pinhole camera: the distance to the surface divided by the focal length. Both
hold for a surface that is seen head-on. Seen at a slant it is larger than computed; the slant is not known.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from edge_node.config.camera_section import CameraConfig
    from edge_node.config.sections import PoseConfig
    from edge_node.messages.camera_view import CameraView
    from edge_node.messages.verdict import Decision, Pose

_DIGITS = 7  # what a 32-bit float holds: rounding hides no change of the inputs, and no noise is sent


class SurfaceScale(PlainStruct, frozen=True):
    """How the scale of a camera's pictures is known.

    Attributes:
        mm_per_px: fixed by the configuration; goes before any range.
        focal_px: the focal length from the configuration, in pixels of the camera's picture.
        is_calibrated: a calibration file gives the focal length of each picture.
        width_px: asked of the camera; both figures above are for this size.
        height_px: the same.
    """

    mm_per_px: float | None = None
    focal_px: float | None = None
    is_calibrated: bool = False
    width_px: int | None = None
    height_px: int | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether areas in mm² are expected at all."""
        return self.mm_per_px is not None or self.focal_px is not None

    def at(self, pose: Pose | None, size: tuple[int, int], view: CameraView | None = None) -> float | None:
        """Return the millimetres of surface in a pixel of what is judged; None if they are not known.

        Args:
            pose: of the capture, with the range if that is known.
            size: width and height of the camera's picture, px.
            view: how that became what is judged; None: as it is.
        """
        if self.mm_per_px is not None:
            return _rounded(self.mm_per_px / _magnification(view)) if self._has_size(size) else None
        focal_px = self.focal_px if self._has_size(size) else None
        if view is not None and view.focal_px is not None:
            focal_px = view.focal_px
        range_mm = pose.range_mm if pose is not None else None
        return None if focal_px is None or range_mm is None else _rounded(range_mm / focal_px)

    def explain_unknown(self, pose: Pose | None, size: tuple[int, int]) -> str:
        """Return why ``at`` returned None."""
        is_fixed = self.mm_per_px is not None
        if (is_fixed or not self.is_calibrated) and not self._has_size(size):
            key = "mm_per_px" if is_fixed else "focal_px"
            asked = f"{self.width_px or 'any'} x {self.height_px or 'any'}"
            return (
                f"no areas in mm²: the pictures are {size[0]} x {size[1]} px, and [camera] {key} is for the"
                f" {asked} that were asked for"
            )
        if pose is None or pose.range_mm is None:
            return "no areas in mm²: no range_mm was received in time for the pictures"
        return "no areas in mm²: the focal length is not known"

    def _has_size(self, size: tuple[int, int]) -> bool:
        """Whether the picture has the size that was asked for, as far as one was."""
        return self.width_px in (None, size[0]) and self.height_px in (None, size[1])


def configured_scale(config: CameraConfig) -> SurfaceScale:
    """Return the scale as the camera's section says it."""
    return SurfaceScale(
        config.mm_per_px,
        config.focal_px,
        is_calibrated=config.undistort is not None,
        width_px=config.width_px,
        height_px=config.height_px,
    )


def may_measure_areas(camera: CameraConfig, pose: PoseConfig) -> bool:
    """Return whether verdicts may have areas in mm²: with a fixed scale, or focal length and ranges."""
    has_range = any(key is not None for key in (pose.range_mm, pose.udp_port, pose.mqtt_topic))
    has_focal = camera.focal_px is not None or camera.undistort is not None
    return camera.mm_per_px is not None or (has_range and has_focal)


def add_area_mm2(decision: Decision, inspected_px: int, mm_per_px: float | None) -> Decision:
    """Return the decision with its scale, and its corroded area in mm² if it has an area.

    Args:
        decision: on one picture.
        inspected_px: the pixels that ``area_fraction`` is a share of.
        mm_per_px: of these pixels.
    """
    if mm_per_px is None:
        return decision
    share = decision.area_fraction
    area_mm2 = None if share is None else _rounded(share * inspected_px * mm_per_px**2)
    return msgspec.structs.replace(decision, mm_per_px=mm_per_px, area_mm2=area_mm2)


def _magnification(view: CameraView | None) -> float:
    """Return how many pixels of the view a pixel in the middle of the camera's picture becomes.

    Correcting a lens may change it; turning, flipping and cropping do not.
    """
    if view is None or view.lens is None or view.focal_px is None:
        return 1.0
    lens = view.lens
    across = lens.fx_px * view.camera_width_px / lens.width_px
    down = lens.fy_px * view.camera_height_px / lens.height_px
    return view.focal_px / math.sqrt(across * down)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
