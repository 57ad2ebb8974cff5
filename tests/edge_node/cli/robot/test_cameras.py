"""``edge-node cameras`` finds devices and tries one, over real sockets and files."""

from __future__ import annotations

import json

import pytest

from edge_node.camera.picture import read_picture
from edge_node.cli.robot.cameras import find_cameras
from tests.support.mjpeg_server import MjpegServer
from tests.support.processes import command


def cameras(*arguments):
    """Run the command."""
    return command("edge_node.cli", "cameras", *arguments)


def test_devices_that_give_pictures_are_listed(tmp_path):
    """Each camera once, by its number and not its name's letters; metadata nodes are left out."""
    for number, index, name in [(10, 0, "Wrist"), (2, 0, "Bow"), (3, 1, "Bow")]:
        device = tmp_path / f"video{number}"
        device.mkdir()
        (device / "index").write_text(f"{index}\n")
        (device / "name").write_text(f"{name}\n")
    found = [(camera.source, camera.name) for camera in find_cameras(tmp_path)]
    assert found[:2] == [("/dev/video2", "Bow"), ("/dev/video10", "Wrist")]
    assert all(not source.startswith("/dev/") for source, _ in found[2:])


def test_a_stream_is_tried_and_its_picture_saved(tmp_path):
    """Size, rate and inspectability of a real stream, and a picture that can be read again."""
    server = MjpegServer()
    found = cameras(server.url, "--save", str(tmp_path / "test.jpg"), "--json")
    server.close()
    assert found.returncode == 0, found.stderr
    result = json.loads(found.stdout)
    assert (result["width_px"], result["height_px"]) == (320, 240)
    assert 3 < result["fps"] < 40
    assert read_picture(tmp_path / "test.jpg").shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/dev/video_none"], "no such device"),
        (["ftp://host/x"], "no allowed scheme"),
        (["http://127.0.0.1:9/x", "--timeout", "1"], "port 9 of 127.0.0.1 is closed"),
        (["/no/such/folder"], "no such file"),
    ],
)
def test_what_cannot_be_tried_is_one_sentence(arguments, words):
    """A missing device, a wrong scheme, a dead host: one line and exit code 1."""
    found = cameras(*arguments)
    assert found.returncode == 1
    assert words in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_a_picture_that_cannot_be_saved_is_one_sentence(tmp_path):
    """A folder that is not there does not end in a traceback."""
    server = MjpegServer()
    found = cameras(server.url, "--save", str(tmp_path / "none" / "a.jpg"))
    server.close()
    assert found.returncode == 1
    assert "cannot be written" in found.stderr
