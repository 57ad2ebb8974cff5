"""The state of the scale: what was asked for and does not come is told, once it stays away."""

from __future__ import annotations

import pytest

from edge_node.inspection.surface_scale import SurfaceScale
from edge_node.messages.status import PartState
from edge_node.messages.verdict import Pose
from edge_node.monitoring.scale_watch import ScaleWatch
from tests.support.verdicts import verdict

SIZE = (640, 480)


def test_without_a_configured_scale_nothing_is_told():
    """Most robots have none: their status has no such part."""
    watch = ScaleWatch(SurfaceScale())
    watch.see(verdict(1, "C"), SIZE)
    assert watch.part is None


def test_a_range_that_stays_away_is_told_after_five_seconds_and_taken_back_at_once():
    """Single misses change nothing: each change of the status is a message."""
    watch = ScaleWatch(SurfaceScale(focal_px=800))
    assert watch.part.state is PartState.STARTING
    watch.see(verdict(1, "C", mm_per_px=0.4), SIZE)
    assert watch.part.state is PartState.OK
    for second in (2, 3, 6):
        watch.see(verdict(second, "C", pose=Pose(distance_m=1.0)), SIZE)
        assert watch.part.state is PartState.OK
    watch.see(verdict(7, "C", pose=Pose(distance_m=1.0)), SIZE)
    assert watch.part.state is PartState.FAILING
    assert "no range_mm was received" in watch.part.text
    watch.see(verdict(8, "C", mm_per_px=0.4), SIZE)
    assert (watch.part.state, watch.part.text) == (PartState.OK, "from range_mm, as if seen head-on")


@pytest.mark.parametrize(
    "scale", [SurfaceScale(mm_per_px=0.4, width_px=1280), SurfaceScale(focal_px=800, height_px=720)]
)
def test_a_camera_that_answers_with_another_size_is_named(scale):
    """A scale for other pixels would be wrong by their ratio: sizes and key are in the sentence."""
    watch = ScaleWatch(scale)
    for second in (1, 6):
        watch.see(verdict(second, "C", pose=Pose(range_mm=300.0)), SIZE)
    assert watch.part.state is PartState.FAILING
    assert "640 x 480" in watch.part.text
    assert ("mm_per_px" if scale.mm_per_px else "focal_px") in watch.part.text
