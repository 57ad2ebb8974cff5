"""Older versions beside this one: an old robot that is upgraded, and old control rooms."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_node.control_room.ingest.admission import Admission
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.sections import RoomConfig
from edge_node.mqtt.types import Incoming
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.processes import daemon, wait_for
from tests.support.records import RobotRecord
from tests.support.room_app import RoomApp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.collector import Received

OLD_COMMIT = "3c630ad8feecde4f7f8ef38a51818fb282faee40"  # version 0.5.0
NEWER_COMMIT = "b64dda491c388c0ec5842508982bc43279a08673"  # version 0.8.0
REPOSITORY = Path(__file__).resolve().parents[2]
BASE = "corrosion/v1/quay/crawler-1"


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as it was in version 0.5.0."""
    return _unpack(OLD_COMMIT, tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="module")
def newer_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as it was in version 0.8.0."""
    return _unpack(NEWER_COMMIT, tmp_path_factory.mktemp("newer"))


def _unpack(commit: str, folder: Path) -> Path:
    pytest.importorskip("starlette", reason="needs the extra control-room")
    packed = subprocess.run(
        ["git", "archive", commit, "edge_node"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if packed.returncode:
        pytest.skip("the history of this clone does not reach back to that version")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def config(tmp_path: Path, mosquitto) -> Path:
    """The configuration of a robot that makes verdicts at the price of no inference."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    noise = np.random.default_rng(1)
    for number in range(5):
        cv2.imwrite(str(pictures / f"{number}.png"), noise.integers(0, 20, (96, 96, 3), dtype=np.uint8))
    file = tmp_path / "node.toml"
    file.write_text(
        f'[node]\nsite = "quay"\nrobot = "crawler-1"\nstate_dir = "{tmp_path / "state"}"\n'
        f'[camera]\nsource = "{pictures}"\nloop = true\nfps = 20\n[bundle]\npath = "default"\n'
        f'[mqtt]\nhostname = "127.0.0.1"\nport = {mosquitto.port}\n',
        encoding="utf-8",
    )
    return file


@contextmanager
def old_daemon(config: Path, old_code: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon of version 0.5.0."""
    with config.with_suffix(".old.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config)],
            cwd=old_code,
            env={"PYTHONPATH": str(old_code)},
            stderr=log,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def test_an_old_robot_is_upgraded_under_a_new_control_room(
    tmp_path: Path, mosquitto, config: Path, old_code: Path
) -> None:
    """Verdicts of 0.5.0 are stored; the new node goes on from its state folder, and nothing is missing.

    A room with users and a list of sites takes what 0.5.0 says once a person has admitted it.
    """
    with (
        ControlRoom(tmp_path, mosquitto.port) as room,
        Collector(mosquitto.port, f"{BASE}/verdict") as collector,
        Collector(mosquitto.port, f"{BASE}/#", client_id="everything") as everything,
    ):
        with old_daemon(config, old_code) as process:
            wait_for(lambda: len(collector.messages) >= 20, 60, "verdicts of the old robot")
            process.terminate()
            process.wait(30)
        old = [json.loads(message.payload) for message in collector.messages]
        of_old = list(everything.messages)
        assert not any("previous_sha256" in verdict for verdict in old), "the old robot is not old"
        with daemon(config) as process:
            wait_for(lambda: len(collector.messages) >= len(old) + 20, 60, "verdicts of the new robot")
            process.terminate()
            process.wait(30)
        sent = {json.loads(message.payload)["id"] for message in collector.messages}
        wait_for(lambda: _robot(room)["verdicts"] >= len(sent), what="verdicts in the control room")
        assert (_robot(room)["missing"], _robot(room)["conflicts"]) == (0, 0)
        assert room.state()["refused"] == []
        (record,) = room.ask("/api/record")["robots"]
        assert record["problems"] == []  # the old epoch has no chain: that breaks none
        assert [one["state"] for one in record["epochs"]] == ["unproved", "not_chained"]
        first = next(json.loads(m.payload) for m in collector.messages[len(old) :])
        assert first["previous_epoch"]["epoch"] == old[-1]["id"].split(":")[1]
        assert first["previous_epoch"]["seq"] == old[-1]["seq"]
    _admit(tmp_path, of_old)


def _admit(folder: Path, said: list[Received]) -> None:
    """Let the robot wait in a room with users, admit it, and store what it says again."""
    folder = folder / "with users"
    folder.mkdir(mode=0o700)
    batch = [
        Incoming(one.topic, one.payload, is_retained=one.retain, user=(*one.user.items(),))
        for one in said
        if not one.topic.endswith("/latest")  # the room does not subscribe to it
    ]
    verdicts = {one.payload for one in said if one.topic.endswith("/verdict")}
    with RoomApp(folder) as room:
        for name, role in (("vera", "viewer"), ("ada", "admin")):
            room.add_user(name, role)
        vera, ada = room.log_in("vera").cookie, room.log_in("ada").cookie
        elsewhere = RoomConfig(sites=("elsewhere",))
        admission = Admission(elsewhere, room.history, itertools.count(step=60).__next__)
        admission.look()
        store(room.history, batch, admission=admission)
        assert (admission.turned_away, room.history.count_verdicts()) == (True, 0)
        address = "/api/quarantine/quay/crawler-1/admit"
        assert [room.request(address, "POST", cookie=one).status for one in (vera, ada)] == [403, 200]
        admission.look()
        store(room.history, batch, admission=admission)
        assert (room.history.count_verdicts(), room.history.refused()) == (len(verdicts), [])
        (robot,) = room.request("/api/state", cookie=vera).json()["robots"]
        assert (robot["verdicts"], robot["missing"]) == (len(verdicts), 0)
        assert robot["status"]["robot"] == robot["health"]["robot"] == "crawler-1"


def test_a_new_robot_reports_to_old_control_rooms(
    tmp_path: Path, mosquitto, config: Path, old_code: Path, newer_code: Path
) -> None:
    """Those of 0.5.0 and 0.8.0 store what a new robot sends over two starts, and refuse nothing."""
    (tmp_path / "0.8.0").mkdir()
    room = ControlRoom(tmp_path, mosquitto.port, code=old_code)
    newer = ControlRoom(tmp_path / "0.8.0", mosquitto.port, code=newer_code)
    with room, newer, Collector(mosquitto.port, f"{BASE}/verdict") as collector:
        for _ in range(2):
            before = len(collector.messages)
            with daemon(config) as process:
                wait_for(lambda n=before: len(collector.messages) >= n + 20, 60, "verdicts")
                process.terminate()
                process.wait(30)
        sent = {json.loads(message.payload)["id"] for message in collector.messages}
        assert len({verdict_id.split(":")[1] for verdict_id in sent}) == 2
        collector.publish(f"{BASE}/rsp", _signed_review())
        made = RobotRecord(tmp_path / "0.8.0")
        made.run(3)
        for checkpoint in made.checkpoints:
            collector.publish(f"{BASE}/checkpoint", checkpoint)
        for one in (room, newer):
            wait_for(lambda it=one: _robot(it)["verdicts"] >= len(sent), what="verdicts in the control room")
            assert _robot(one)["missing"] == 0
            assert one.state()["refused"] == []


def _signed_review() -> bytes:
    """A new robot's response to a signed review: the command and its signature are additions."""
    data = {"subject": "crawler-1:epoch:f1", "judgement": "confirmed", "by": "Anna"}
    data |= {"signed_command": "{}", "signature": "c2ln"}
    names = {"id": "crawler-1:epoch:response:1", "seq": 1, "site": "quay", "robot": "crawler-1"}
    ending = {"verb": "review", "command_id": "from-a-terminal", "result": "done", "code": "ok", "text": ""}
    said = {"schema": "corrosion/v1", **names, "at": "2026-03-01T08:00:00Z", **ending, "data": data}
    return json.dumps(said).encode()


def _robot(room: ControlRoom) -> dict[str, int]:
    """What the control room knows of the robot."""
    found = [robot for robot in room.state()["robots"] if robot["robot"] == "crawler-1"]
    return found[0] if found else {"verdicts": 0}
