"""The section ``[camera]``: its keys, their bounds, and what is refused."""

from __future__ import annotations

import pytest

from edge_node.config import sections
from edge_node.config.camera_section import CameraConfig


def test_the_section_stands_where_users_of_the_configuration_import_it():
    """``config.sections`` still gives the class that parses ``[camera]``."""
    assert sections.CameraConfig is CameraConfig
    assert sections.SECTIONS["camera"] is CameraConfig


@pytest.mark.parametrize(("fps", "interval_s"), [(None, 1.0), (4.0, 0.25)])
def test_an_address_of_single_pictures_is_asked_at_the_pace_of_the_configuration(fps, interval_s):
    """Without ``fps`` once a second, which a small camera bears."""
    assert CameraConfig(fps=fps).snapshot_interval_s == interval_s
