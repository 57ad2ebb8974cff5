"""The section ``[camera]``: its keys, their bounds, and what is refused."""

from __future__ import annotations

import pytest

from edge_node.config import sections
from edge_node.config.camera_section import CameraConfig
from edge_node.errors import ConfigError
from edge_node.messages.camera_view import Crop


def test_the_section_stands_where_users_of_the_configuration_import_it():
    """``config.sections`` still gives the class that parses ``[camera]``."""
    assert sections.CameraConfig is CameraConfig
    assert sections.SECTIONS["camera"] is CameraConfig


@pytest.mark.parametrize(("fps", "interval_s"), [(None, 1.0), (4.0, 0.25)])
def test_an_address_of_single_pictures_is_asked_at_the_pace_of_the_configuration(fps, interval_s):
    """Without ``fps`` once a second, which a small camera bears."""
    assert CameraConfig(fps=fps).snapshot_interval_s == interval_s


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rotate = 45", "rotate = 45: wanted 0 or 90 or 180 or 270"),
        ('rotate = "left"', "rotate = 'left': wanted 0 or 90 or 180 or 270, found text"),
        ("flip = true", 'wanted "none" or "horizontal" or "vertical" or "both", found true or false'),
        ("crop = [0, 0, 10, 10]", "wanted a table of keys, found a list"),
        ("crop = {left_px = 0, top_px = 0, width_px = 9, height_px = 9}", "of_px is missing"),
        (
            "crop = {left_px = 9, top_px = 0, width_px = 9, height_px = 9, of_px = [10, 10]}",
            "the crop reaches to 18 x 9 px, beyond the picture of 10 x 10 px",
        ),
        ("crop = {left_px = -1, top_px = 0, width_px = 9, height_px = 9, of_px = [10, 10]}", "at least 0"),
        ("crop = {left = 0, top_px = 0, width_px = 9, height_px = 9, of_px = [10, 10]}", "unknown key left"),
    ],
)
def test_what_is_no_view_is_refused_with_what_is_wanted(line, said):
    """Each key in the words of the configuration, before anything starts."""
    text = (
        '[node]\nsite = "a"\nrobot = "b"\n[bundle]\npath = "default"\n[mqtt]\nhostname = "h"\n[camera]\n'
        + line
    )
    with pytest.raises(ConfigError) as refused:
        sections.parse_config(text.encode(), "node.toml")
    assert said in str(refused.value)
    assert str(refused.value).startswith("node.toml: [camera] ")


def test_a_crop_can_be_written_into_an_example():
    """A table in one line, as TOML wants it."""
    crop = Crop(left_px=80, top_px=0, width_px=480, height_px=480, of_px=(640, 480))
    node = {"site": "quay", "robot": "crawler-1"}
    text = sections.example_config(
        node=node, camera={"crop": crop}, bundle={"path": "default"}, mqtt={"hostname": "h"}
    )
    assert sections.parse_config(text.encode(), "node.toml").camera.crop == crop
