"""Verdicts from decisions: what names the node, the frame and the bundle on each."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.config.delivery_sections import MqttConfig
from edge_node.config.sections import BundleConfig, CameraConfig, Config, NodeConfig
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inspection.verdict_recorder import VerdictRecorder
from edge_node.messages.camera_view import CameraView
from edge_node.messages.verdict import Decision, Outcome, Pose

CONFIG = Config(
    node=NodeConfig(site="quay", robot="crawler-1", asset="pipe 7"),
    bundle=BundleConfig(path="default"),
    mqtt=MqttConfig(hostname="127.0.0.1"),
)


def test_a_verdict_names_node_frame_and_bundle_and_keeps_the_decision() -> None:
    """Its id is made of robot, epoch and number; both clocks are those of the capture."""
    bundle = load_bundle(DEFAULT_BUNDLE)
    frame = frame_now(np.zeros((4, 4, 3), np.uint8), 9, "csi:0")
    decision = Decision(outcome=Outcome.CORRODED, material="steel", condition_confidence=0.9)
    found = VerdictRecorder(CONFIG, bundle, "epoch").verdict(
        decision, frame, seq=7, dropped=2, inference_ms=1.23456, pose=Pose(distance_m=4.0), pose_age_ms=5.0
    )
    assert (found.id, found.seq, found.site, found.asset) == ("crawler-1:epoch:7", 7, "quay", "pipe 7")
    assert (found.outcome, found.material, found.condition_confidence) == (Outcome.CORRODED, "steel", 0.9)
    assert (found.observed_at, found.monotonic_ns) == (frame.observed_at, frame.captured_at_ns)
    assert (found.frame_id, found.source, found.frames_dropped) == (9, "csi:0", 2)
    assert (found.bundle, found.config_sha256) == (bundle.reference, CONFIG.sha256)
    assert (found.inference_ms, found.pose.distance_m, found.pose_age_ms) == (1.235, 4.0, 5.0)
    age_ms = (time.monotonic_ns() - frame.captured_at_ns) / 1e6
    assert found.frame_age_ms <= age_ms + 0.001
    assert found.frame_age_ms == pytest.approx(age_ms, abs=1000)


@pytest.mark.parametrize(
    ("camera", "pose", "counted_px", "area_mm2", "mm_per_px"),
    [
        (CameraConfig(), Pose(range_mm=400.0), None, None, None),
        (CameraConfig(mm_per_px=0.5), None, None, 1.0, 0.5),  # a quarter of 16 px of 0.25 mm²
        (CameraConfig(mm_per_px=0.5), None, 8, 0.5, 0.5),  # half of them are masked
        (CameraConfig(focal_px=800), Pose(distance_m=4.0, range_mm=800.0), None, 4.0, 1.0),
        (CameraConfig(focal_px=800), Pose(distance_m=4.0), None, None, None),  # no range: no area, not 0
    ],
)
def test_the_area_in_mm2_is_that_of_the_camera_s_own_pixels(camera, pose, counted_px, area_mm2, mm_per_px):
    """The share of those that count, at the fixed scale or that of the range at the capture."""
    recorder = VerdictRecorder(
        msgspec.structs.replace(CONFIG, camera=camera), load_bundle(DEFAULT_BUNDLE), "e"
    )
    decision = Decision(outcome=Outcome.CORRODED, area_fraction=0.25)
    frame = frame_now(np.zeros((4, 4, 3), np.uint8), 9, "csi:0")
    view = None
    if counted_px is not None:
        view = CameraView(
            camera_width_px=4, camera_height_px=4, width_px=4, height_px=4, counted_px=counted_px
        )
    found = recorder.verdict(
        decision,
        frame,
        seq=1,
        dropped=0,
        inference_ms=1.0,
        view=view,
        pose=pose,
        pose_age_ms=1.0,
    )
    assert (found.area_mm2, found.mm_per_px, found.area_fraction) == (area_mm2, mm_per_px, 0.25)


def test_a_range_alone_is_no_place() -> None:
    """Readers of earlier versions would show a pose without coordinates at the origin."""
    recorder = VerdictRecorder(CONFIG, load_bundle(DEFAULT_BUNDLE), "epoch")
    frame = frame_now(np.zeros((4, 4, 3), np.uint8), 9, "csi:0")
    given = {"seq": 1, "dropped": 0, "inference_ms": 1.0, "pose_age_ms": 5.0}
    found = recorder.verdict(Decision(outcome=Outcome.UNCERTAIN), frame, pose=Pose(range_mm=300.0), **given)
    assert (found.pose, found.pose_age_ms) == (None, None)
