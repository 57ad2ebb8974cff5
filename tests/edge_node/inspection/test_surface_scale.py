"""Scales and areas, each computed by hand."""

from __future__ import annotations

import pytest

from edge_node.config.camera_section import CameraConfig
from edge_node.config.sections import PoseConfig
from edge_node.inspection.surface_scale import add_area_mm2, configured_scale, may_measure_areas
from edge_node.messages.camera_view import CameraView, Lens
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


def view(focal_px: float, **corrected) -> CameraView:
    """Return the view of a lens with focal lengths of 400 and 400 px at half of ``SIZE``."""
    lens = Lens(
        model="pinhole",
        width_px=320,
        height_px=240,
        fx_px=400.0,
        fy_px=400.0,
        cx_px=160.0,
        cy_px=120.0,
        coefficients=(0.1, 0.0, 0.0, 0.0),
        **corrected,
    )
    size = {"width_px": 640, "height_px": 480, "counted_px": 640 * 480}
    return CameraView(camera_width_px=640, camera_height_px=480, lens=lens, focal_px=focal_px, **size)


def test_a_calibration_file_gives_the_focal_length_at_the_size_of_the_picture():
    """Whatever size was asked for; without a range there is no scale."""
    scale = configured_scale(CameraConfig(undistort="lens.yaml", width_px=1280))
    assert scale.at(FAR, SIZE, view(500.0)) == 0.8
    assert scale.at(None, SIZE, view(500.0)) is None


def test_a_fixed_scale_is_of_the_camera_s_pixels_also_where_correcting_the_lens_magnifies():
    """At 640 px the focal length is 800 px; a view of 1600 px has twice the pixels for a millimetre."""
    scale = configured_scale(CameraConfig(mm_per_px=0.5, undistort="lens.yaml"))
    assert scale.at(None, SIZE, view(800.0)) == 0.5
    assert scale.at(None, SIZE, view(1600.0)) == 0.25


@pytest.mark.parametrize(
    ("camera", "pose", "may"),
    [
        ({}, {"udp_port": 9}, False),
        ({"mm_per_px": 0.5}, {}, True),
        ({"focal_px": 800}, {}, False),
        ({"focal_px": 800}, {"udp_port": 9}, True),
        ({"undistort": "lens.yaml"}, {"mqtt_topic": "pose"}, True),
        ({}, {"range_mm": 300}, False),
    ],
)
def test_areas_are_announced_only_where_they_may_come(camera, pose, may):
    """Home Assistant would show an entity that is never known."""
    assert may_measure_areas(CameraConfig(**camera), PoseConfig(**pose)) is may


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
