"""The camera's parts as the daemon builds them: the gate follows reloads, and faults name their key."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.config.camera_section import CameraConfig
from edge_node.config.sections import InspectConfig
from edge_node.daemon.camera_assembly import config_errors, follow_changes, open_camera
from edge_node.daemon.parts import Registry
from edge_node.errors import CameraError, ConfigError
from edge_node.messages.topics import Topics
from tests.support.robot_loop import CONFIG
from tests.support.verdicts import verdict

PIXELS = np.full((96, 96, 3), 90, np.uint8)


def test_the_gate_judges_by_the_configuration_of_the_last_reload(tmp_path):
    """With its next frame; a reload that was refused changes nothing."""
    camera = CameraConfig(source="/dev/video7")
    config = msgspec.structs.replace(CONFIG, camera=camera, inspect=InspectConfig(when="changed"))
    node = Registry(config, Topics("quay", "crawler-1"), tmp_path, None, threading.Event())
    parts = open_camera(node)
    loader = SimpleNamespace(config=config)
    findings = SimpleNamespace(is_undecided=False)
    follow_changes(node, parts, SimpleNamespace(loader=loader), SimpleNamespace(findings=findings))

    def admits(number):
        admitted = parts.gate.admit(frame_now(PIXELS, number, "test"))
        if admitted is not None:
            parts.gate.on_verdict(admitted, None, verdict(1, "C"))
        return admitted is not None

    assert [admits(0), admits(1)] == [True, False]
    findings.is_undecided = True
    assert admits(2)
    findings.is_undecided = False
    for listener in node.bundle_listeners:
        listener.on_reload(None)
    assert not admits(3)
    loader.config = msgspec.structs.replace(config, inspect=InspectConfig())
    for listener in node.bundle_listeners:
        listener.on_reload(object())
    assert [admits(4), admits(5)] == [True, True]


def test_a_source_that_can_never_work_is_an_error_of_its_key():
    """Exit 78, and no attempt to start again."""
    with (
        pytest.raises(ConfigError, match=r"\[camera\] source: no such scheme"),
        config_errors("[camera] source"),
    ):
        raise CameraError("no such scheme")
