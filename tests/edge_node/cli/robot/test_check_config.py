"""``check-config`` judges the camera's source without touching it, and keeps its password."""

from __future__ import annotations

import socket
import threading
from argparse import Namespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_node.cli.robot import check_config
from edge_node.config.sections import example_config, load_config
from edge_node.daemon.assembly import run_daemon
from edge_node.errors import ConfigError
from edge_node.signing import make_key_pair
from tests.support.processes import command
from tests.support.subcommands import command_here

if TYPE_CHECKING:
    from pathlib import Path


def check(tmp_path, source, *, camera=None, **node):
    """Run the command on a configuration with this source, and keys of ``[camera]`` and ``[node]``."""
    path = tmp_path / "node.toml"
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path / "state"), **node},
            camera={"source": source, **(camera or {})},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1"},
        ),
        encoding="utf-8",
    )
    return command_here("edge_node.cli", "check-config", str(path))


def test_a_password_is_not_printed(tmp_path):
    """What is said of a good configuration can be shown to anybody."""
    found = check(tmp_path, "rtsp://admin:s3cret@10.0.0.9/live")
    assert found.returncode == 0, found.stderr
    assert "s3cret" not in found.stdout
    assert "rtsp://10.0.0.9/live" in found.stdout


@pytest.mark.parametrize("source", ["ftp://host/x", "csi:left", "file:///etc/passwd"])
def test_a_source_that_can_never_work_is_refused(tmp_path, source):
    """A scheme that is not allowed is exit code 78 and one line, before any daemon starts."""
    found = check(tmp_path, source)
    assert found.returncode == 78
    assert "[camera] source" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_control_keys_on_a_network_camera_are_refused_without_touching_it(tmp_path):
    """Exit code 78 and one line that names the keys, and where this camera is set instead."""
    path = tmp_path / "node.toml"
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path / "state")},
            camera={"source": "rtsp://10.0.0.9/live", "exposure_us": "lock", "white_balance": [1.8, 1.5]},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1"},
        ),
        encoding="utf-8",
    )
    found = command("edge_node.cli", "check-config", str(path))
    assert found.returncode == 78
    assert f"{path}: [camera] exposure_us, white_balance: only a V4L2 device" in found.stderr
    assert "are set on its own page" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_a_signing_key_that_cannot_sign_is_named(tmp_path):
    """Missing, open to others or no key: exit code 78 and one line; a good one passes."""
    key = tmp_path / "robot.pem"
    for content, mode, said in (
        (None, 0, "No such file"),
        (b"no key", 0o600, "wanted a private key in PEM"),
        (b"no key", 0o644, "lets others read"),
    ):
        if content is not None:
            key.write_bytes(content)
            key.chmod(mode)
        found = check(tmp_path, "/dev/video0", signing_key_file=str(key))
        assert found.returncode == 78
        assert f"[node] signing_key_file: {key}: " in found.stderr
        assert said in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1
    key.unlink()
    make_key_pair(key)
    assert check(tmp_path, "/dev/video0", signing_key_file=str(key)).returncode == 0


def test_what_a_configuration_holds_does_not_reach_the_terminal_as_it_is(tmp_path):
    """An escape sequence in a name is told by its number, and in what is quoted it is a sign of itself."""
    path = tmp_path / "node.toml"
    text = example_config(
        node={"site": "quay", "robot": "crawler-1", "asset": "L-7\x1b[2J"},
        bundle={"path": "default"},
        mqtt={"hostname": "127.0.0.1"},
    )
    path.write_text(text + '[node2]\n"a\\u001b[2J" = 1\n', encoding="utf-8")
    found = command_here("edge_node.cli", "check-config", str(path))
    assert found.returncode == 78
    assert "[node] asset: holds the control character U+001B" in found.stderr
    assert "\x1b" not in found.stderr


NODE = {"site": "quay", "robot": "crawler-1"}
Change = dict[str, dict[str, object]]


def written(folder: Path, change: Change) -> Path:
    """Write a configuration that can be used but for ``change``; "{}" stands for the folder."""
    sections: Change = {
        "node": {**NODE, "state_dir": "{}/state"},
        "camera": {"source": "{}/pictures"},
        "bundle": {"path": "default"},
        "mqtt": {"hostname": "127.0.0.1"},
    }
    for name, values in change.items():
        sections[name] = {**sections.get(name, {}), **values}
    (folder / "pictures").mkdir()
    cv2.imwrite(str(folder / "pictures" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    (folder / "empty").mkdir()
    (folder / "file").write_text("no key\n")
    path = folder / "node.toml"
    path.write_text(example_config(**sections).replace("{}", str(folder)), encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    """Return what check-config says of a configuration that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        check_config.run(Namespace(file=path))
    return str(caught.value)


@pytest.mark.runtime
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"node": {"state_dir": "{}/file/below"}}, "/file is a file, wanted a folder; choose another"),
        ({"camera": {"source": "{}/nothing"}}, "no such file or folder"),
        ({"camera": {"source": "{}/empty"}}, "no pictures in it"),
        ({"camera": {"source": "{}/nothing.mp4"}}, "no such file or folder"),
        ({"bundle": {"path": "{}/nothing"}}, "wanted a bundle folder with bundle.json, found nothing"),
        ({"bundle": {"path": "{}/file"}}, "wanted a bundle folder with bundle.json, found a file"),
        ({"bundle": {"path": "{}/empty"}}, "bundle.json: No such file or directory"),
        ({"bundle": {"path": "store", "trusted_keys": ("{}/file",)}}, "wanted a public key in PEM"),
        ({"inspect": {"material": "stel"}}, "material 'stel': wanted auto, or what the bundle knows"),
        ({"commands": {"public_key_file": "{}/nothing"}}, "[commands] public_key_file"),
        ({"http": {"enabled": True, "token_file": "{}/file"}}, "wanted at least 16 letters and digits"),
        ({"http": {"enabled": True, "host": "192.0.2.1"}}, "token_file must name a file with a token"),
    ],
)
def test_it_says_what_run_would(tmp_path: Path, change: Change, said: str) -> None:
    """The node itself refuses the same configuration in the same words, and check-config changed nothing."""
    path = written(tmp_path, change)
    before = sorted(tmp_path.rglob("*"))
    judged = complaint(path)
    assert sorted(tmp_path.rglob("*")) == before
    assert said in judged
    assert len(judged.splitlines()) == 1
    stop = threading.Event()
    stop.set()
    with pytest.raises(ConfigError) as refused:
        run_daemon(load_config(path), stop)
    assert str(refused.value).rpartition(": ")[2] in judged


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": "u", "password_file": "{}/empty"}, "password_file = '{}/empty': is a folder"),
        ({"username": "u", "password_file": "{}/wide"}, "is UTF-16 text"),
        ({"tls": True, "ca_file": "{}/file"}, "ca_file = '{}/file'"),
    ],
)
def test_what_the_link_would_say_later_is_said_now(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    """The node would go on without a link; at the desk it is a problem."""
    path = written(tmp_path, {"mqtt": change})
    (tmp_path / "wide").write_bytes("geheim\n".encode("utf-16"))
    assert said.format(tmp_path) in complaint(path)


@pytest.mark.runtime
def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    """A line for each problem, every one with the file's name."""
    path = written(
        tmp_path,
        {
            "node": {"state_dir": "{}/file"},
            "camera": {"source": "{}/nothing"},
            "bundle": {"path": "{}/nothing"},
            "mqtt": {"hostname": "a b"},
        },
    )
    lines = complaint(path).splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"{path}: [") for line in lines)


CROP = {"left_px": 0, "top_px": 0, "width_px": 480, "height_px": 480, "of_px": [640, 480]}


@pytest.mark.runtime
def test_a_port_that_is_taken_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be this robot's own node; port and key are named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        path = written(tmp_path, {"http": {"enabled": True, "port": port}})
        assert check_config.run(Namespace(file=path)) == 0
    said = capsys.readouterr().out
    assert "good. quay/crawler-1 looks at" in said
    assert f"note: [http] port {port}: Address already in use" in said
    assert "commit_interval_ms" not in said


@pytest.mark.runtime
def test_what_a_power_cut_may_cost_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who spares the card is told how much of the record they wager."""
    assert check_config.run(Namespace(file=written(tmp_path, {"spool": {"commit_interval_ms": 1000}}))) == 0
    assert "note: [spool] commit_interval_ms: verdicts wait 1000 ms in memory" in capsys.readouterr().out


def test_the_files_of_the_view_are_read_without_the_camera(tmp_path):
    """A mask that is none and a calibration that is not there: exit code 78, a line each, with their keys."""
    mask = tmp_path / "mask.png"
    cv2.imwrite(str(mask), np.full((48, 64), 120, np.uint8))
    camera = {"mask": str(mask), "undistort": str(tmp_path / "camera.yml")}
    found = check(tmp_path, "/dev/video9", camera=camera)
    assert found.returncode == 78
    lines = found.stderr.strip().splitlines()
    assert len(lines) == 2
    assert "[camera] mask: " in lines[0]
    assert "neither black nor white" in lines[0]
    assert "[camera] undistort: " in lines[1]
    assert "No such file" in lines[1]


@pytest.mark.runtime
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"camera": {"focal_px": 800}}, "[camera] focal_px gives no areas in mm² without a range"),
        ({"pose": {"range_mm": 300}}, "[pose] range_mm gives no areas in mm² without a focal length"),
        (
            {"camera": {"width_px": 1280, "height_px": 720, "crop": CROP}},
            "note: [camera] width_px, height_px: nothing is judged if the camera's picture has 1280 x 720",
        ),
    ],
)
def test_keys_that_do_not_give_what_their_author_wants_are_a_note(
    tmp_path, capsys, change: Change, said: str
) -> None:
    """Half of a scale gives no areas, and a crop of another size than is asked for gives no verdict."""
    assert check_config.run(Namespace(file=written(tmp_path, change))) == 0
    assert said in capsys.readouterr().out


def test_check_config_refuses_a_password_in_the_clear(tmp_path) -> None:
    """Told before the service starts, with the key that would allow it; exit 78, nothing of the secret."""
    (tmp_path / "password").write_text("hunter2-hunter2")
    file = tmp_path / "node.toml"
    given = {"hostname": "broker.example", "username": "robot", "password_file": str(tmp_path / "password")}
    file.write_text(
        example_config(node={"site": "s", "robot": "r"}, bundle={"path": "default"}, mqtt=given), "utf-8"
    )
    ran = command_here("edge_node.cli", "check-config", str(file))
    assert ran.returncode == 78
    assert "set tls = true" in ran.stderr
    assert "hunter2" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("mqtt", "said"),
    [
        ({"hostname": "no such host"}, "[mqtt] hostname = 'no such host'"),
        ({"hostname": "mqtt://broker.example"}, "[mqtt] hostname = 'mqtt://broker.example'"),
        ({"hostname": "a..b"}, "[mqtt] hostname = 'a..b'"),
        ({"hostname": "b", "tls": True, "ca_file": "/nowhere/ca.pem"}, "[mqtt] ca_file = '/nowhere/ca.pem'"),
        (
            {"hostname": "localhost", "username": "u", "password_file": "/nowhere/secret"},
            "[mqtt] password_file = '/nowhere/secret': No such file or directory",
        ),
    ],
)
def test_check_config_names_hosts_that_cannot_be_and_files_that_are_not_there(
    tmp_path, mqtt: dict[str, object], said: str
) -> None:
    """Found at the desk, not on the robot; a password of systemd's is not here yet and is no problem."""
    config = tmp_path / "node.toml"
    node = {"site": "s", "robot": "r", "state_dir": str(tmp_path / "state")}
    bundle = {"path": "default"}
    config.write_text(example_config(node=node, bundle=bundle, mqtt=mqtt), encoding="utf-8")
    refused = command_here("edge_node.cli", "check-config", str(config))
    assert refused.returncode == 78
    assert said in refused.stderr
    good = {
        "hostname": "xn--bcher-kva.example",
        "username": "u",
        "password_file": "$CREDENTIALS_DIRECTORY/p",
        "tls": True,
    }
    config.write_text(example_config(node=node, bundle=bundle, mqtt=good), encoding="utf-8")
    assert command("edge_node.cli", "check-config", str(config)).returncode == 0
