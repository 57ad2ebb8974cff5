"""The daemon as a real process against a real mosquitto: nothing lost, no gaps, clean ends."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.config.sections import example_config
from edge_node.messages.verdict import Verdict
from edge_node.mqtt.subscriber import Subscriber
from edge_node.record.verification import verify
from edge_node.signing import load_trusted_key, make_key_pair
from tests.support.processes import command, daemon, wait_for

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = ("corrosion/v1/quay/crawler-1/#",)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """A folder of 60 small textured pictures, each unlike the others."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(3)
    for index in range(60):
        coarse = noise.integers(60, 200, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index:03}.jpg"), cv2.resize(coarse, (320, 240)))
    return folder


def write_config(folder: Path, source: Path | str, port: int, *, key: Path | None = None, **camera) -> Path:
    """Write a configuration whose state lives in ``folder``; with ``key`` the record is signed."""
    path = folder / "node.toml"
    signed = {"signing_key_file": str(key)} if key else {}
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(folder / "state"), **signed},
            camera={"source": str(source), **camera},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": port, "keep_alive_s": 2},
        ),
        encoding="utf-8",
    )
    (folder / "state").mkdir(exist_ok=True)
    return path


class Collector:
    """What a control room has received."""

    def __init__(self, port: int) -> None:
        self.subscriber = Subscriber("127.0.0.1", port, TOPICS)
        self.verdicts: list[Verdict] = []
        self.status: list[dict] = []
        self.latest: list[Verdict] = []
        self.lines: list[tuple[str, bytes]] = []

    def read(self, timeout_s: float = 0.2) -> None:
        """Take in what has arrived."""
        for message in self.subscriber.arrived(timeout_s):
            leaf = message.topic.rsplit("/", 1)[-1]
            self.lines.append((message.topic, message.topic.encode() + b" " + message.payload))
            if leaf == "verdict":
                self.verdicts.append(msgspec.json.decode(message.payload, type=Verdict))
            elif leaf == "latest":
                self.latest.append(msgspec.json.decode(message.payload, type=Verdict))
            elif leaf == "status":
                self.status.append(msgspec.json.decode(message.payload))

    def has(self, count: int) -> bool:
        """Whether so many verdicts have arrived."""
        self.read()
        return len(self.verdicts) >= count


def first_occurrences(verdicts: list[Verdict]) -> list[int]:
    """Return the sequence numbers in order of first arrival."""
    return list(dict.fromkeys(verdict.seq for verdict in verdicts))


def without_a_gap(verdicts: list[Verdict]) -> bool:
    """Whether every number between the smallest and the largest has come."""
    numbers = {verdict.seq for verdict in verdicts}
    return len(numbers) == max(numbers) - min(numbers) + 1


def test_a_recording_is_decided_whole_and_delivered_before_the_end(pictures, tmp_path, mosquitto):
    """Read as fast as it is decided, 60 pictures are 60 verdicts, numbered 1 to 60, and exit code 0."""
    room = Collector(mosquitto.port)
    with daemon(write_config(tmp_path, pictures, mosquitto.port, pace="fast")) as process:
        assert process.wait(timeout=60) == 0
    room.read(0.5)
    assert first_occurrences(room.verdicts) == list(range(1, 61))
    verdict = room.verdicts[-1]
    assert verdict.id == f"crawler-1:{verdict.id.split(':')[1]}:60"
    assert (verdict.site, verdict.robot, verdict.frame_id) == ("quay", "crawler-1", 59)
    assert verdict.stages or verdict.reasons
    assert [status["presence"] for status in (room.status[0], room.status[-1])] == ["online", "offline"]


def test_sigterm_ends_it_cleanly_within_three_seconds(pictures, tmp_path, mosquitto):
    """Exit code 0 in under 3 s, offline announced, and every number that was given out arrives."""
    room = Collector(mosquitto.port)
    with daemon(write_config(tmp_path, pictures, mosquitto.port, fps=20.0, loop=True)) as process:
        wait_for(lambda: room.has(10), 30, "ten verdicts")
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - asked < 3.0
    room.read(0.5)
    assert room.status[-1]["presence"] == "offline"
    numbers = first_occurrences(room.verdicts)
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_killed_daemon_loses_nothing_and_its_next_life_proves_it(pictures, tmp_path, mosquitto):
    """The next life is an epoch that names the end of the one before, and signs the record over the kill."""
    room = Collector(mosquitto.port)
    public = make_key_pair(tmp_path / "robot.pem")
    config = write_config(tmp_path, pictures, mosquitto.port, key=tmp_path / "robot.pem", fps=20.0, loop=True)
    with daemon(config) as process:
        wait_for(lambda: room.has(10), 30, "ten verdicts")
        process.kill()
        process.wait()
    with daemon(config) as process:
        seen = len(room.verdicts)
        wait_for(lambda: room.has(seen + 20), 30, "twenty more verdicts")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    room.read(0.5)
    report = verify(room.lines, [load_trusted_key(str(public), "--key")])
    assert report.is_proved, report
    (robot,) = report.robots
    assert [epoch.end for epoch in robot.epochs] == ["followed", "stopped"]
    assert sum(epoch.repeated for epoch in robot.epochs) <= 20


def test_a_broker_that_comes_late_gets_everything(pictures, tmp_path, mosquitto):
    """Started without a broker the node decides; when the broker comes, numbers begin at 1 without a gap."""
    mosquitto.kill()
    with daemon(write_config(tmp_path, pictures, mosquitto.port, fps=20.0, loop=True)):
        wait_for((tmp_path / "state" / "spool.sqlite").exists, 30, "the spool")
        time.sleep(2.0)
        mosquitto.start()
        room = Collector(mosquitto.port)
        # What the broker took before this subscriber came is not sent again; live verdicts overtake the rest.
        wait_for(lambda: room.has(20) and without_a_gap(room.verdicts), 60, "twenty verdicts without a gap")


@pytest.mark.slow
def test_thirty_seconds_at_ten_frames_a_second_with_five_without_a_broker(tmp_path, pictures, mosquitto):
    """At most 300 verdicts of 300 frames, and no number missing although mosquitto was gone for 5 s."""
    folder = tmp_path / "frames"
    folder.mkdir()
    sources = sorted(pictures.iterdir())
    for index in range(300):
        shutil.copy(sources[index % len(sources)], folder / f"{index:03}.jpg")
    room = Collector(mosquitto.port)
    with daemon(write_config(tmp_path, folder, mosquitto.port, fps=10.0)) as process:
        wait_for(lambda: room.has(100), 40, "a hundred verdicts")
        mosquitto.kill()
        time.sleep(5.0)
        mosquitto.start()
        wait_for(lambda: room.read() or process.poll() is not None, 60, "the end of the recording")
        assert process.returncode == 0
    room.read(2.0)
    numbers = sorted({verdict.seq for verdict in room.verdicts})
    frames = len(numbers) + sum({verdict.seq: verdict.frames_dropped for verdict in room.verdicts}.values())
    assert numbers == list(range(1, len(numbers) + 1))
    assert frames == 300
    assert len(numbers) >= 250  # a machine so busy that it drops one frame in six is worth a look


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "--config", "absent.toml"), 78, "absent.toml: No such file or directory"),
        (("check-config", "absent.toml"), 78, "absent.toml: No such file or directory"),
        (("classify", "--bundle", "absent", "x.jpg"), 1, "absent: wanted a bundle folder"),
        (("watch", "127.0.0.1:1"), 1, "broker 127.0.0.1:1"),
    ],
)
def test_what_cannot_work_is_told_in_one_sentence(arguments, code, said):
    """The exit code and the sentence; no traceback."""
    found = command("edge_node.cli", *arguments)
    assert found.returncode == code
    assert said in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("absent-folder", "absent-folder"),
        ("concat:/etc/passwd", "concat: is no allowed scheme"),
    ],
)
def test_a_camera_that_can_never_work_is_a_configuration_error(source, said, tmp_path):
    """Exit code 78, so that systemd does not start it again for ever."""
    config = write_config(tmp_path, source, 1)
    found = command("edge_node.cli", "run", "--config", str(config))
    assert found.returncode == 78, found.stderr
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_the_daemon_does_not_load_tensorflow():
    """Importing the daemon loads neither TensorFlow nor the converter."""
    code = "import sys, edge_node.daemon.assembly; print([*{'tensorflow', 'converter'} & {*sys.modules}])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
