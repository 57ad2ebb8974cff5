"""Inspect surfaces for corrosion on a robot, deliver the verdicts over MQTT, and serve the control room."""

__version__ = "0.11.0"
