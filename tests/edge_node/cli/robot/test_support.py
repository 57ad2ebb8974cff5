"""``edge-node support``: one file without a secret, from robots of which nothing works."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from argparse import Namespace

import cv2
import numpy as np
import pytest

from edge_node.cli.robot import support
from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import CorrosionError
from edge_node.messages.topics import Kind
from edge_node.spool.files import SPOOL_NAME
from edge_node.spool.spool import Spool
from tests.support.processes import command
from tests.support.verdicts import verdict

pytestmark = pytest.mark.runtime

SECRETS = [
    f"s3cret-{where}" for where in ("url", "query", "comment", "file", "log", "journal", "variable", "pw")
]
URL, QUERY, COMMENT, FILE, LOG, JOURNAL, VARIABLE, PIPELINE = SECRETS


@pytest.fixture
def robot(tmp_path, monkeypatch):
    """Return the folder of a robot, the current one, with a secret in every place where one may be."""
    state, programs = tmp_path / "state", tmp_path / "bin"
    programs.mkdir()
    with Spool.open(state / SPOOL_NAME, SpoolConfig()) as spool:
        spool.append(Kind.VERDICT, lambda seq: verdict(seq, "C"))
        spool.flush(5)
    (state / "evidence" / "other").mkdir(parents=True)
    picture = cv2.imencode(".jpg", np.full((48, 64, 3), 99, np.uint8))[1].tobytes()
    (state / "evidence" / "other" / ("0" * 64)).write_bytes(picture)
    (tmp_path / "password").write_text(f"{FILE}\n")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "node.toml").write_text(
        f"""# {COMMENT}
[node]
site = "quay"
robot = "crawler-1"
state_dir = "{state}"
[camera]
source = "rtsp://admin:{URL}@192.0.2.1/live?key={QUERY}"
[bundle]
path = "default"
[mqtt]
hostname = "127.0.0.1"
username = "robot"
password_file = "{tmp_path}/password"
"""
    )
    log = f"INFO edge_node: started\n{URL} alone\nuser-pw={PIPELINE} ! x\npassword: {LOG}\n{VARIABLE} alone\n"
    (tmp_path / "node.log").write_text(log)
    (programs / "journalctl").write_text(f"#!/bin/sh\necho 'rtsp://a:{JOURNAL}@192.0.2.1/live: lost'\n")
    (programs / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("CAMERA_TOKEN", VARIABLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pack(folder, **options) -> dict[str, bytes]:
    """Run the command and return the file's parts by their names without the folder."""
    given = {"config": None, "output": folder / "out.zip", "picture": None, "no_picture": False, "log": None}
    assert support.run(Namespace(**{**given, **options})) == 0
    with zipfile.ZipFile(folder / "out.zip") as packed:
        return {name.partition("/")[2]: packed.read(name) for name in packed.namelist()}


def test_all_that_helps_is_inside_and_no_secret_is(robot, capsys):
    """Planted in configuration, log, journal, environment and files; the state folder stays as it is."""
    before = {path: path.stat().st_mtime_ns for path in (robot / "state").rglob("*")}
    parts = pack(robot, log=robot / "node.log")
    after = {path: path.stat().st_mtime_ns for path in (robot / "state").rglob("*")}
    assert after == before
    whole = b"\n".join(parts.values())
    assert [secret for secret in SECRETS if secret.encode() in whole] == []
    wanted = ["configuration/node.toml", "versions.txt", "hardware.txt", "logs/node.txt", "logs/journal.txt"]
    wanted += [
        "state/spool.txt",
        "state/files.txt",
        "state/bundle.txt",
        "state/clock.txt",
        "opencv.txt",
        "picture.jpg",
    ]
    assert set(wanted) <= set(parts)
    assert json.loads(parts["state/spool.txt"])["waiting"]["verdict"] == 1
    assert b"INFO edge_node: started" in parts["logs/node.txt"]
    assert b"rtsp://192.0.2.1/live: lost" in parts["logs/journal.txt"]
    assert all(name in parts["manifest.txt"].decode() for name in wanted)
    assert stat.S_IMODE((robot / "out.zip").stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert "out.zip" in said
    assert "not inside: state/node.json" in said
    assert "A picture of what the camera saw is inside" in said
    assert not any(secret in said for secret in SECRETS)


def test_a_robot_of_which_nothing_works_gets_its_file(robot, monkeypatch, capsys):
    """A configuration with a fault and a password in it, a damaged spool, no picture, no journal."""
    text = (robot / "node.toml").read_text()
    (robot / "node.toml").write_text(text.replace("[bundle]", f'password = "{PIPELINE}"\n[bundle'))
    (robot / "state" / SPOOL_NAME).write_bytes(b"\xff" * 5000)
    monkeypatch.setattr(support.board, "describe_runtime", lambda: "")
    monkeypatch.setattr(support.board, "describe_opencv", lambda: "")
    parts = pack(robot, no_picture=True)
    assert b"not TOML" in parts["configuration/check.txt"]
    assert f"not inside: state/spool.txt: {robot}/state/{SPOOL_NAME}" in capsys.readouterr().out
    assert "picture.jpg" not in parts
    assert not any(secret.encode() in b"".join(parts.values()) for secret in SECRETS)


def test_without_a_configuration_and_a_state_folder_the_board_is_told(tmp_path, monkeypatch, capsys):
    """A robot on which `edge-node run` never began."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(support, "SERVICE_FOLDER", tmp_path / "nothing")
    monkeypatch.setattr(support.board, "describe_runtime", lambda: "")
    monkeypatch.setattr(support.board, "describe_opencv", lambda: "")
    parts = pack(tmp_path, config=tmp_path / "no.toml")
    assert "versions.txt" in parts
    assert "no.toml: No such file or directory" in capsys.readouterr().out


def test_a_place_where_the_file_cannot_go_is_refused_before_anything_is_collected(robot):
    """There already, no folder, the state folder itself, which stays as it is; a picture that is none."""
    (robot / "there.zip").write_bytes(b"")
    for output, why in (
        (robot / "there.zip", "is there already"),
        (robot / "none" / "x.zip", "no such folder"),
        (robot / "state" / "x.zip", "lies in the node's state folder"),
    ):
        with pytest.raises(CorrosionError, match=why):
            pack(robot, output=output)
    refused = command(
        "edge_node.cli", "support", "--picture", "node.toml", "--config", "node.toml", cwd=robot
    )
    assert (refused.returncode, refused.stdout, list(robot.glob("*support*"))) == (1, "", [])
    assert "node.toml" in refused.stderr
