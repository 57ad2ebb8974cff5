"""CSI cameras on boards that are not here: the pipeline asked for."""

from __future__ import annotations

from edge_node.camera.backends.csi import jetson_pipeline
from edge_node.config.sections import CameraConfig


def test_the_jetson_pipeline_asks_for_the_sensor_and_rate():
    """The pipeline names the sensor and copies out of the Jetson's memory; not run here: no Jetson."""
    pipeline = jetson_pipeline(1, CameraConfig(source="csi:1", fps=30))
    assert "sensor-id=1" in pipeline
    assert "framerate=30/1" in pipeline
