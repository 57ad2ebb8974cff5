"""CSI cameras on boards that are not here: the pipeline asked for, and a recorded picamera2 camera."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from edge_node.camera.backends.csi import jetson_pipeline
from edge_node.camera.capture.capture_thread import CameraCondition, CaptureThread
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig, example_config
from tests.support.processes import command, free_port, wait_for
from tests.support.recorded_controls.v4l2 import FOLDER


@pytest.fixture
def library(monkeypatch):
    """Put the stand-in for picamera2 where the library would be."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("RECORDED_CAMERA", "imx708")
    yield
    sys.modules.pop("picamera2", None)


def test_the_jetson_pipeline_asks_for_the_sensor_and_rate():
    """The pipeline names the sensor and copies out of the Jetson's memory; not run here: no Jetson."""
    pipeline = jetson_pipeline(1, CameraConfig(source="csi:1", fps=30))
    assert "sensor-id=1" in pipeline
    assert "framerate=30/1" in pipeline


@pytest.mark.usefixtures("library")
def test_a_pi_cameras_controls_are_in_force_and_in_its_state():
    """From the configuration to what the frames tell, through the capture thread; tried on no real camera."""
    latest = LatestFrame()
    config = CameraConfig(
        source="csi:0", width_px=64, height_px=48, exposure_us=8000.0, white_balance=(1.8, 1.5), focus=2.0
    )
    with CaptureThread(config, latest) as capture:
        wait_for(lambda: latest.peek() is not None, 5.0, "a frame")
        state = capture.state
    assert state.condition is CameraCondition.STREAMING
    assert {one.key: one.values for one in state.controls.controls} == {
        "exposure_us": (8000.0,),
        "white_balance": (1.8, 1.5),
        "focus": (2.0,),
    }
    assert state.controls.problems == ""


@pytest.mark.usefixtures("library")
def test_a_pi_camera_without_focus_closes_the_slot_with_a_refusal(monkeypatch):
    """The camera answered: waiting for another answer would help nobody."""
    monkeypatch.setenv("RECORDED_CAMERA", "imx219")
    latest = LatestFrame()
    config = CameraConfig(source="csi:0", width_px=64, height_px=48, focus=2.0)
    with CaptureThread(config, latest) as capture:
        wait_for(lambda: latest.closed, 5.0, "the end")
        assert capture.refusal.startswith("csi:0: focus = 2: this camera has no control of its focus")
        assert capture.state.condition is CameraCondition.ENDED


def test_the_daemon_ends_with_78_when_the_camera_answers_that_it_cannot(tmp_path):
    """As a wrong configuration: systemd does not start it again, and the sentence says what is there."""
    path = tmp_path / "node.toml"
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path / "state")},
            camera={"source": "csi:0", "focus": 2.0},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": free_port()},
        ),
        encoding="utf-8",
    )
    module_path = os.pathsep.join([str(Path.cwd()), str(FOLDER)])
    environment = {"PYTHONPATH": module_path, "RECORDED_CAMERA": "imx219"}
    ended = command("edge_node.cli", "run", "--config", str(path), env=environment)
    assert ended.returncode == 78
    said = ended.stderr.strip().splitlines()[-1]
    assert "[camera] csi:0: focus = 2: this camera has no control of its focus (it has: exposure_us" in said
