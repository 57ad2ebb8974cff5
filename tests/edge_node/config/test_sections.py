"""The configuration: every problem at once, each with key, found, wanted, nearest name."""

from __future__ import annotations

import pytest

from edge_node.config.sections import SECTIONS, PoseConfig, example_config, load_config, parse_config
from edge_node.errors import ConfigError

MINIMAL = b"""
[node]
site = "quay"
robot = "crawler-1"
[bundle]
path = "default"
[mqtt]
hostname = "localhost"
"""


def problems(text: bytes) -> list[str]:
    """Return the lines of the error about ``text``."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "node.toml")
    assert caught.value.exit_code == 78
    return str(caught.value).splitlines()


def test_site_robot_bundle_and_broker_are_enough():
    """Everything else has a default."""
    config = parse_config(MINIMAL, "node.toml")
    assert (config.node.robot, config.mqtt.window, config.camera.source) == ("crawler-1", 20, "/dev/video0")


def test_every_problem_is_named_at_once():
    """Six mistakes in one file give six lines, each with the file, the section and the key."""
    text = (
        b'[node]\nsite = "a b"\nrobt = "x"\n[camra]\n[mqtt]\nhostname = "h"\nport = 99999\nwindow = "many"\n'
    )
    found = problems(text)
    assert len(found) == 7
    assert all(line.startswith("node.toml: ") for line in found)
    for part in (
        'unknown section "camra"; did you mean "camera"?',
        '[node] unknown key "robt"; did you mean "robot"?',
        "[node] site = 'a b': a blank at position 2 is not allowed; wanted 1 to 64 letters",
        "[node] robot is missing: Name of the robot",
        "[bundle] path is missing",
        "[mqtt] port = 99999: wanted at most 65535",
        "[mqtt] window = 'many': wanted a whole number, found text",
    ):
        assert any(part in line for line in found), part


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'exposure_us = "locked"', 'wanted "auto" or "lock" or a number'),
        (b"exposure_us = true", "found true or false"),
        (b"exposure_us = 0", "wanted more than 0"),
        (b"gain = inf", "wanted at most 1000000"),
        (b"white_balance = [1.8]", "wanted two numbers from 0 on: [red, blue]"),
        (b"white_balance = [1.8, -1]", "wanted two numbers from 0 on: [red, blue]"),
        (b"exposure_us = 50000\nfps = 30", "longer than a frame lasts at fps = 30: wanted at most 33333 µs"),
        (b"exposure = 8000", 'did you mean "exposure_us"?'),
    ],
)
def test_a_camera_control_is_a_word_or_a_number_in_its_bounds(line, said):
    """Each refusal is one line with what is wanted."""
    (found,) = problems(MINIMAL + b"[camera]\n" + line)
    assert said in found


def test_camera_controls_are_read():
    """Words, numbers and a pair; whole numbers are numbers."""
    text = (
        MINIMAL
        + b'[camera]\nfps = 30\nexposure_us = 8000\ngain = "lock"\nwhite_balance = [1800, 1500]\nfocus = 2.5'
    )
    camera = parse_config(text, "node.toml").camera
    found = (camera.exposure_us, camera.gain, camera.white_balance, camera.focus)
    assert found == (8000.0, "lock", (1800.0, 1500.0), 2.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"node = 3\n", "[node] wanted a section, found node = 3"),
        (b"[node\n", "not TOML"),
        (b"\xff\xfe", "not TOML: is UTF-16 text"),
        (MINIMAL + b"[camera]\nfps = 0\n", "fps = 0: wanted more than 0"),
        (MINIMAL + b'[camera]\npace = "slow"\n', 'pace = \'slow\': wanted "real-time" or "fast"'),
    ],
)
def test_what_is_no_configuration_is_refused(text, said):
    """Each kind of nonsense is told apart."""
    assert any(said in line for line in problems(text))


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path):
    """The message names the file and the command that writes an example."""
    with pytest.raises(ConfigError, match="No such file or directory; `edge-node init` writes an example"):
        load_config(tmp_path / "absent.toml")


def test_the_example_is_a_configuration_that_names_every_key():
    """The generated example parses, and no key of any section is missing from it."""
    text = example_config(
        node={"site": "quay", "robot": "r-1"}, bundle={"path": "default"}, mqtt={"hostname": "localhost"}
    )
    assert parse_config(text.encode(), "example").node.site == "quay"
    for section in SECTIONS.values():
        for key in section.__struct_fields__:
            assert f"\n{key} = " in text or f"\n# {key} =" in text, key


def test_uncommented_defaults_of_the_example_are_the_defaults():
    """What the example shows as default is what an absent key gives."""
    text = example_config(
        node={"site": "quay", "robot": "crawler-1"},
        bundle={"path": "default"},
        mqtt={"hostname": "localhost"},
    )
    lines = []
    for line in text.splitlines():
        shown = line.removeprefix("# ") if " = " in line and line.startswith("# ") else line
        lines.append(line if shown.endswith(("=", ".")) else shown)
    explicit = parse_config("\n".join(lines).encode(), "example")
    defaults = parse_config(MINIMAL, "example")
    for section in SECTIONS:
        assert getattr(explicit, section) == getattr(defaults, section)


@pytest.mark.parametrize("topic", ["nav/+/pose", "nav/#", "#", "$SYS/pose", "nav/\npose", "nav/\0"])
def test_a_filter_is_no_topic(topic):
    """Poses come from one sender: wildcards and what no topic may hold are refused in a sentence."""
    with pytest.raises(ValueError, match=r"mqtt_topic = .*: wanted"):
        PoseConfig(mqtt_topic=topic)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("[camera]\nmm_per_px = 0", "[camera] mm_per_px = 0: wanted more than 0"),
        ("[camera]\nmm_per_px = nan", "[camera] mm_per_px = nan: wanted more than 0"),
        ("[camera]\nfocal_px = inf", "[camera] focal_px = inf: wanted at most"),
        ("[pose]\nrange_mm = -1", "[pose] range_mm = -1: wanted at least 1"),
        ("[pose]\nsigma_m = 0.1", "sigma_m = 0.1 is of a position, and none is given or received"),
        ("[camera]\nmm_per_px = 0.2\nfocal_px = 800", "leave one of them out"),
        ("[camera]\nmm_per_px = 0.2\n[pose]\nrange_mm = 300", "would have no effect"),
        ("[camera]\nfocal_px = 800\nundistort = 'lens.yaml'", "leave focal_px out"),
    ],
)
def test_a_scale_that_cannot_be_or_contradicts_itself_is_refused(lines, said):
    """In one sentence each, that names the keys."""
    (sentence,) = problems(MINIMAL + lines.encode())
    assert said in sentence
