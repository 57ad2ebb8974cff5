"""The status reporter with a robot's real parts: when it reports, and what it says of the bundle."""

from __future__ import annotations

import resource
from datetime import datetime, timezone

import pytest

from edge_node.camera.capture.capture_thread import CameraCondition, CameraState
from edge_node.config.delivery_sections import MqttConfig
from edge_node.daemon.inference_thread import InferenceThread
from edge_node.daemon.status_reporter import HEALTH_INTERVAL_S, Sources, StatusReporter
from edge_node.delivery.publisher import Publisher
from edge_node.inspection.change_gate import Stillness
from edge_node.messages.status import Alarm, Part, PartState
from edge_node.messages.topics import Topics
from edge_node.monitoring.status_board import StatusBoard
from edge_node.monitoring.systemd import Notifier
from edge_node.monitoring.watchdog import Watchdog
from edge_node.mqtt.wake import Wake
from tests.support.robot_loop import CONFIG

ALARMS = (Alarm(code="evidence_lost", text="the disk is full"),)


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
            Publisher(
                *(MqttConfig(hostname="127.0.0.1"), Topics("quay", "crawler-1"), node.spool, Wake()),
                alarm_sources=[lambda: ALARMS],
            ),
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


def test_lost_pictures_are_a_part_of_the_status_and_an_alarm_in_health(report) -> None:
    """Whoever reads the status sees that evidence is lost, and no longer once it is kept again."""
    said = {"part": Part(state=PartState.FAILING, text="the disk is full")}
    reporter, _, screen = report(evidence_part=lambda: said["part"])
    reporter.look(0.0)
    said["part"] = Part(state=PartState.OK)
    reporter.look(0.5)
    assert [status.evidence.state for status, *_ in screen.told] == [PartState.FAILING, PartState.OK]
    assert screen.told[0][1].alarms == ALARMS


def test_a_process_without_descriptors_reports_on(report) -> None:
    """What the disk is asked for health fails and is an alarm; it ends nothing."""
    reporter, _, screen = report()
    reporter.look(-HEALTH_INTERVAL_S)  # imports what it needs
    _, hard = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        reporter.look(0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert [alarm.code for alarm in screen.told[-1][1].alarms] == ["state_unreadable", "evidence_lost"]


def test_frames_that_show_nothing_new_are_told_and_wait_for_no_verdict(report) -> None:
    """A robot that stands still is no robot that hangs; one whose changes are not decided is."""
    counts = {"unchanged": 5}
    still = Stillness(datetime.now(timezone.utc), 5.0, 10.0)
    reporter, _, screen = report(unchanged=lambda: counts["unchanged"], stillness=lambda: still)
    reporter.look(0.0)
    status, health, _, _ = screen.told[0]
    assert (status.unchanged_since, health.frames_unchanged, health.verdicts) == (still.since, 5, 0)
    assert reporter.vitals().frames == 0
    counts["unchanged"] = 2
    assert reporter.vitals().frames == 3
