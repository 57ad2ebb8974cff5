"""Commands to the real daemon: pause, resume, snapshot, evidence, reload, and the responses to each."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import uuid
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import jsonschema
import numpy as np
import pytest

from edge_node.integrations.message_schema import schemas
from tests.scenarios.test_daemon import write_config
from tests.support.collector import Collector
from tests.support.processes import Mosquitto, daemon, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = "corrosion/v1/quay/crawler-1"


class ControlRoom:
    """What a control room sends to the robot and has received from it."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def ask(self, verb: str, **arguments) -> dict:
        """Send a command and return the first response to it."""
        now, wanted = datetime.now(timezone.utc), uuid.uuid4().hex
        command = {
            "schema": "corrosion/v1",
            "id": wanted,
            "issued_at": now.isoformat(),
            "expires_at": (now + timedelta(minutes=1)).isoformat(),
            **arguments,
        }
        self._collector.publish(f"{BASE}/cmd/{verb}", json.dumps(command).encode())
        wait_for(lambda: self.answers(wanted), what=f"response to {verb}")
        return self.answers(wanted)[0]  # a second one may follow at once: reload is accepted, then done

    def answers(self, wanted: str) -> list[dict]:
        """Return the responses to one command, in order."""
        return [response for response in self.messages("rsp") if response["command_id"] == wanted]

    def messages(self, leaf: str) -> list[dict]:
        """Return the decoded messages of one topic of the robot, in order."""
        return [json.loads(payload) for payload in self.payloads(leaf)]

    def payloads(self, leaf: str) -> list[bytes]:
        """Return what came on one topic of the robot, in order."""
        return [message.payload for message in self._collector.of(f"{BASE}/{leaf}")]

    def model_becomes(self, state: str) -> None:
        """Wait until the newest status names this state of the model."""
        wait_for(lambda: self.messages("status")[-1]["model"]["state"] == state, what=f"status {state}")


@contextmanager
def running(folder: Path) -> Iterator[ControlRoom]:
    """Run a daemon on a recording that never ends, and a control room that has its first verdicts."""
    pictures = folder / "pictures"
    pictures.mkdir()
    noise = np.random.default_rng(3)
    for index in range(10):
        coarse = noise.integers(60, 200, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(pictures / f"{index}.jpg"), cv2.resize(coarse, (320, 240)))
    broker = Mosquitto(folder)
    broker.start()
    try:
        config = write_config(folder, pictures, broker.port, fps=20.0, loop=True)
        with Collector(broker.port) as collector, daemon(config):
            room = ControlRoom(collector)
            wait_for(lambda: len(room.payloads("verdict")) > 3, timeout_s=60, what="verdicts")
            yield room
    finally:
        broker.kill()


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Iterator[ControlRoom]:
    """A control room of a robot at work; every test leaves the robot at work."""
    if not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()):
        pytest.skip("mosquitto is not installed (Debian package mosquitto)")
    with running(tmp_path_factory.mktemp("robot")) as room:
        yield room


def test_pause_stops_verdicts_until_resume_and_the_recording_waits(room) -> None:
    """Pause is seen in the status; no verdict comes; after resume the recording goes on where it was."""
    assert room.ask("pause")["result"] == "done"
    room.model_becomes("paused")
    time.sleep(0.3)  # what was on its way
    count = len(room.payloads("verdict"))
    time.sleep(1.0)
    assert len(room.payloads("verdict")) == count
    assert room.ask("resume")["result"] == "done"
    wait_for(lambda: len(room.payloads("verdict")) > count + 3, what="verdicts again")
    before, after = room.messages("verdict")[count - 1 : count + 1]
    # A second of a recording at 20 frames/s: it waited, but for what was read when the pause came.
    assert after["frame_id"] - before["frame_id"] < 15
    room.model_becomes("ok")


def test_a_pause_with_a_duration_ends_by_itself(room) -> None:
    """Verdicts come again after a second, without a resume."""
    assert room.ask("pause", duration_s=1)["result"] == "done"
    count = len(room.payloads("verdict"))
    wait_for(lambda: len(room.payloads("verdict")) > count + 10, what="the pause's end")


def test_a_snapshot_is_named_by_a_verdict_and_sent_whole_on_request(room) -> None:
    """The response, a verdict and the picture's own hash name the same picture; an unknown one is refused."""
    snapshot = room.ask("snapshot")
    assert snapshot["result"] == "done"
    sha256 = snapshot["data"]["sha256"]
    wait_for(
        lambda: any(verdict["evidence_sha256"] == sha256 for verdict in room.messages("verdict")),
        what="the verdict that names the picture",
    )
    assert room.ask("evidence", sha256=sha256)["result"] == "accepted"
    wait_for(
        lambda: any(
            hashlib.sha256(jpeg).hexdigest() == sha256 for jpeg in room.payloads(f"evidence/{sha256}")
        ),
        what="the full picture",
    )
    assert room.ask("evidence", sha256="0" * 64)["code"] == "not_kept"


def test_a_reload_is_accepted_then_done(room) -> None:
    """Two responses to one command, in this order, while verdicts go on."""
    reloading = room.ask("reload")
    assert reloading["result"] == "accepted"
    wait_for(lambda: len(room.answers(reloading["command_id"])) > 1, what="the reload's end")
    assert room.answers(reloading["command_id"])[1]["result"] == "done"


@pytest.mark.parametrize(
    ("leaf", "name"),
    [
        ("verdict", "verdict"),
        ("latest", "verdict"),
        ("status", "status"),
        ("health", "health"),
        ("rsp", "response"),
    ],
)
def test_every_message_fits_its_schema(room, leaf: str, name: str) -> None:
    """All that came on a topic, from whatever commands caused it, is valid by the published schema."""
    room.ask("ping")
    wait_for(lambda: room.payloads(leaf), timeout_s=20, what=leaf)
    schema = jsonschema.Draft202012Validator(schemas()[name])
    for message in room.messages(leaf):
        schema.validate(message)
