"""Control keys on sources that have no controls are refused before anything starts."""

from __future__ import annotations

import pytest

from edge_node.camera.controls.wishes import read_wishes, refuse_without_controls
from edge_node.camera.source import parse_source
from edge_node.config.sections import CameraConfig
from edge_node.errors import ConfigError


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("rtsp://10.0.0.9/live", "set on its own page"),
        ("http://10.0.0.9/stream", "set on its own page"),
        ("gst:videotestsrc", "set in its element"),
        ("clip.mp4", "as it was taken"),
    ],
)
def test_a_source_without_controls_says_where_they_are_set(source, words):
    """The keys are named, and what to do instead."""
    config = CameraConfig(source=source, exposure_us="lock", white_balance=4500.0)
    with pytest.raises(ConfigError) as caught:
        refuse_without_controls(parse_source(source), config)
    assert str(caught.value).startswith("[camera] exposure_us, white_balance: only a V4L2 device")
    assert words in str(caught.value)
    refuse_without_controls(parse_source(source), CameraConfig(source=source))


@pytest.mark.parametrize("source", ["/dev/video0", "/dev/v4l/by-id/usb-046d_HD_Pro-index0", "csi:0"])
def test_sources_with_controls_are_asked_later(source):
    """Whether this camera has them is known once it is open."""
    config = CameraConfig(source=source, focus=10.0, gain="auto")
    refuse_without_controls(parse_source(source), config)
    assert read_wishes(config) == {"gain": "auto", "focus": 10.0}


def test_nothing_is_wished_by_default():
    """A camera is left as it is."""
    assert read_wishes(CameraConfig()) == {}
