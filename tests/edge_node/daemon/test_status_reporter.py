"""The status reporter with a robot's real parts: when it reports, and what it says of the bundle."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from edge_node.camera.capture.capture_thread import CameraCondition, CameraState
from edge_node.config.delivery_sections import MqttConfig
from edge_node.daemon.inference_thread import InferenceThread
from edge_node.daemon.status_reporter import HEALTH_INTERVAL_S, Sources, StatusReporter
from edge_node.delivery.publisher import Publisher
from edge_node.messages.status import PartState
from edge_node.messages.topics import Topics
from edge_node.monitoring.status_board import StatusBoard
from edge_node.monitoring.systemd import Notifier
from edge_node.monitoring.watchdog import Watchdog
from edge_node.mqtt.wake import Wake
from tests.support.robot_loop import CONFIG


class Camera:
    """The state of a camera that streams."""

    state = CameraState(CameraCondition.STREAMING, "640x480", datetime(2026, 1, 1, tzinfo=timezone.utc))
    frames_captured = 5
    beat_s = float("inf")


class Screen:
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def on_status(self, status, health, *, link, hung):
        """Note it."""
        self.told.append((status, health, link, hung))


@pytest.fixture
def report(robot, engine):
    """Return a function that makes a reporter of a robot, with the robot and its screen."""

    def make(**sources):
        node, screen = robot(), Screen()
        parts = Sources(
            *(Camera(), InferenceThread(node.latest, lambda: None), node.spool, node.bundle, node.pause),
            **sources,
        )
        reporter = StatusReporter(
            parts,
            StatusBoard(CONFIG, engine.bundle, node.spool),
            Watchdog(Notifier({})),
            Publisher(MqttConfig(hostname="127.0.0.1"), Topics("quay", "crawler-1"), node.spool, Wake()),
            listeners=[screen],
        )
        return reporter, node, screen

    return make


def test_health_is_new_at_first_and_then_every_ten_seconds(report) -> None:
    """The status is told each time; who shows health keeps the last one."""
    reporter, _, screen = report()
    for now_s in (100.0, 100.5, 100.0 + HEALTH_INTERVAL_S, 110.5):
        reporter.look(now_s)
    assert [health is not None for _, health, _, _ in screen.told] == [True, False, True, False]
    status, health, link, hung = screen.told[0]
    assert (status.robot, status.camera.state, link, hung) == ("crawler-1", PartState.OK, "stopped", "")
    assert (health.verdicts, health.shadow) == (0, None)


def test_a_pause_goes_before_what_there_is_to_say_of_the_bundle(report) -> None:
    """Paused by command, else the first sentence that is not empty, else the bundle's own state."""
    said = {"trial": "", "store": ""}
    reporter, node, screen = report(texts=(lambda: said["trial"], lambda: said["store"]))
    models = []
    for change in (
        lambda: None,
        lambda: said.update(store="not from the store"),
        lambda: said.update(trial="on trial"),
        lambda: node.pause.pause(None),
        node.pause.resume,
    ):
        change()
        reporter.look(0.0)
        part = screen.told[-1][0].model
        models.append((part.state, part.text))
    assert models == [
        (PartState.OK, "the golden probe holds"),
        (PartState.OK, "not from the store"),
        (PartState.OK, "on trial"),
        (PartState.PAUSED, "by command"),
        (PartState.OK, "on trial"),
    ]
