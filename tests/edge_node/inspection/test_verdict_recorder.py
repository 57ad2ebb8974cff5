"""Verdicts from decisions: what names the node, the frame and the bundle on each."""

from __future__ import annotations

import time

import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.config.delivery_sections import MqttConfig
from edge_node.config.sections import BundleConfig, Config, NodeConfig
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inspection.verdict_recorder import VerdictRecorder
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
