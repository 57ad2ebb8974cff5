"""A robot that stands still and judges what is new: a real daemon, camera stream and broker."""

from __future__ import annotations

import itertools
import shutil
import signal
from pathlib import Path

import cv2
import pytest

from edge_node.config.sections import example_config
from tests.scenarios.test_commands import ControlRoom
from tests.support.collector import Collector
from tests.support.mjpeg_server import MjpegServer
from tests.support.processes import Mosquitto, daemon, wait_for
from tests.support.scenes import SIZE_PX, Sensor, photographs, surface


@pytest.fixture(scope="module")
def scenes(shared):
    """JPEGs of metal without rust and of rust, each with noise of its own."""
    sensor, found = Sensor(noise_levels=2.0), []
    for corroded in (False, True):
        whole = surface(photographs(shared / "data", corroded=corroded, count=3)[2])[:, : SIZE_PX[0]]
        small = cv2.resize(whole, (320, 240), interpolation=cv2.INTER_AREA)
        found.append([sensor.encode(small) for _ in range(11)])
    return found


class Robot:
    """A daemon before a camera that shows ``scene``, with a control room."""

    def __init__(self, room, process, scene):
        self.room, self.process = room, process
        self._scene = scene

    def show(self, frames):
        """Have the camera show other frames."""
        self._scene[:] = frames

    def verdicts(self):
        """Return the verdicts so far."""
        return self.room.messages("verdict")

    def finding_becomes(self, state):
        """Wait until the newest finding has this state."""
        wait_for(lambda: [one["state"] for one in self.room.messages("finding")][-1:] == [state], 10, state)

    def stands(self):
        """Wait until the status says that there is nothing new; return how many verdicts there are then."""
        wait_for(lambda: self.room.messages("status")[-1]["unchanged_since"], 10, "nothing new")
        return len(self.verdicts())


@pytest.fixture
def robot(scenes, tmp_path):
    """Yield a robot that judges what is new, without a heartbeat in a test's time."""
    if not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()):
        pytest.skip("mosquitto is not installed (Debian package mosquitto)")
    broker, server, scene = Mosquitto(tmp_path), MjpegServer(), list(scenes[0])
    broker.start()
    server.interval_s, server.encoded = 0.08, lambda number: scene[number % len(scene)]
    config = tmp_path / "node.toml"
    text = example_config(
        node={"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path / "state")},
        camera={"source": server.url},
        inspect={"when": "changed", "heartbeat_s": 3600.0},
        bundle={"path": "default"},
        mqtt={"hostname": "127.0.0.1", "port": broker.port},
        commands={"accept": True},
    )
    config.write_text(text, encoding="utf-8")
    try:
        with Collector(broker.port) as collector, daemon(config) as process:
            room = ControlRoom(collector)
            wait_for(lambda: room.payloads("verdict"), timeout_s=60, what="a verdict")
            yield Robot(room, process, scene)
    finally:
        broker.kill()
        server.close()


def test_a_robot_that_stands_judges_what_is_new_and_what_is_asked_for(robot, scenes):
    """Nothing of a still scene; rust that enters, until its finding opens; after snapshot, resume, reload."""
    clean, rust = scenes
    count = robot.stands()
    assert count <= 5
    camera = robot.room.messages("status")[-1]["camera"]
    assert (camera["state"], "nothing new in them since" in camera["text"]) == ("ok", True)

    taken = robot.room.ask("snapshot")
    assert (taken["result"], len(taken["data"]["sha256"])) == ("done", 64)
    wait_for(lambda: len(robot.verdicts()) > count, what="the snapshot's verdict")
    assert robot.verdicts()[count]["frames_unchanged"] > 0

    robot.show(rust)
    robot.finding_becomes("opened")
    newest = robot.verdicts()[-1]
    assert (newest["outcome"], newest["frames_dropped"]) == ("corroded", 0)
    robot.show(clean)
    robot.finding_becomes("closed")

    for verb in ("resume", "reload"):
        count = robot.stands()
        if verb == "resume":
            robot.room.ask("pause")
        robot.room.ask(verb)
        wait_for(lambda count=count: len(robot.verdicts()) > count, 15, f"a verdict after {verb}")
        assert robot.verdicts()[-1]["outcome"] == "uncorroded"

    verdicts = robot.verdicts()
    for before, after in itertools.pairwise(verdicts):
        gap = after["frame_id"] - before["frame_id"] - 1
        assert gap >= after["frames_dropped"] + after["frames_unchanged"] >= 0
    robot.process.send_signal(signal.SIGTERM)
    assert robot.process.wait(10) == 0
