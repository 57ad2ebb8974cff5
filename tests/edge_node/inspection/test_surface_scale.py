"""Scales and areas, each computed by hand."""

from __future__ import annotations

import pytest

from edge_node.config.camera_section import CameraConfig
from edge_node.inspection.surface_scale import SurfaceScale, add_area_mm2, configured_scale
from edge_node.messages.verdict import Decision, Outcome, Pose

SIZE = (640, 480)
FAR = Pose(range_mm=400.0)


@pytest.mark.parametrize(
    ("camera", "pose", "size", "mm_per_px"),
    [
        (CameraConfig(), FAR, SIZE, None),  # nothing is configured
        (CameraConfig(mm_per_px=0.25), None, SIZE, 0.25),
        (CameraConfig(mm_per_px=0.25), FAR, SIZE, 0.25),  # what is fixed goes before any range
        (CameraConfig(focal_px=800), FAR, SIZE, 0.5),
        (CameraConfig(focal_px=800), Pose(range_mm=200.0), SIZE, 0.25),  # half as far: half as much
        (CameraConfig(focal_px=800), Pose(distance_m=4.0), SIZE, None),
        (CameraConfig(focal_px=800), None, SIZE, None),
        (CameraConfig(mm_per_px=0.25, width_px=640, height_px=480), None, SIZE, 0.25),
        (CameraConfig(mm_per_px=0.25, width_px=1280), None, SIZE, None),  # it is for other pixels
        (CameraConfig(focal_px=800, height_px=960), FAR, SIZE, None),
    ],
)
def test_the_scale_is_fixed_or_range_by_focal_length(camera, pose, size, mm_per_px):
    """A pinhole sees ``range / focal length`` in a pixel; what is not known is None, never 0."""
    assert configured_scale(camera).at(pose, size) == mm_per_px


def test_the_focal_length_of_a_calibrated_picture_needs_no_size():
    """The calibration gives it for this very picture."""
    scale = SurfaceScale(is_calibrated=True, width_px=1280)
    assert scale.at(FAR, SIZE, focal_px=500.0) == 0.8
    assert scale.at(None, SIZE, focal_px=500.0) is None


@pytest.mark.parametrize(
    ("share", "px", "mm_per_px", "area_mm2"),
    [
        (0.25, 640 * 480, 0.5, 19_200.0),  # 76,800 px of a quarter of a square millimetre
        (0.25, 640 * 240, 0.5, 9600.0),  # a mask leaves half of the pixels
        (None, 640 * 480, 0.5, None),
        (0.25, 640 * 480, None, None),
        (0.0001, 100, 0.001, 1e-8),
    ],
)
def test_the_area_is_the_share_of_the_pixels_that_count(share, px, mm_per_px, area_mm2):
    """Square millimetres are pixels times the square of the scale."""
    decision = Decision(outcome=Outcome.CORRODED, area_fraction=share)
    found = add_area_mm2(decision, px, mm_per_px)
    assert found.area_mm2 == (None if area_mm2 is None else pytest.approx(area_mm2))
    assert (found.mm_per_px, found.area_fraction) == (mm_per_px, share)
