"""CSI cameras on boards that are not here: the pipeline asked for, and what to install."""

import threading

import pytest

from edge_node.camera.backends.csi import jetson_pipeline
from edge_node.camera.capture.opening import open_camera
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError


def test_the_jetson_pipeline_asks_for_the_sensor_and_rate():
    """The pipeline names the sensor and copies out of the Jetson's memory; not run here: no Jetson."""
    pipeline = jetson_pipeline(1, CameraConfig(source="csi:1", fps=30))
    assert "sensor-id=1" in pipeline
    assert "framerate=30/1" in pipeline


def test_a_csi_camera_without_its_board_says_what_to_install():
    """On a machine that is neither Pi nor Jetson, csi:0 names the package."""
    with pytest.raises(CameraError, match=r"picamera2|cannot be opened"):
        open_camera(CameraConfig(source="csi:0"), stop=threading.Event())
