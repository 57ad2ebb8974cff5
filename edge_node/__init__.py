"""The edge node: from camera frames to corrosion verdicts over MQTT, none lost."""

__version__ = "0.5.0"
