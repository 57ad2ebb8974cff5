"""``edge-node watch``: verdicts for people and for machines, and strangers' bytes."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys

import msgspec
import pytest

from edge_node.cli.control_room.watch import describe_message
from edge_node.messages.verdict import Verdict, encode
from edge_node.mqtt.subscriber import Message
from tests.edge_node.integrations.test_message_schema import MESSAGES, VERDICT
from tests.support.collector import Collector
from tests.support.processes import command, free_port, wait_for

TOPIC = "corrosion/v1/s/r/verdict"


def verdict(seq: int) -> bytes:
    """A verdict with a number."""
    return encode(msgspec.structs.replace(VERDICT, id=f"r:e:{seq}", seq=seq))


def watch(port: int, *options: str) -> subprocess.Popen[str]:
    """Start ``edge-node watch``."""
    return subprocess.Popen(
        [sys.executable, "-m", "edge_node.cli", "watch", f"127.0.0.1:{port}", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def robot(mosquitto):
    """Something that speaks for a robot; its retained status shows when a watcher has subscribed."""
    with Collector(mosquitto.port, "nothing") as collector:
        collector.publish("corrosion/v1/s/r/status", encode(MESSAGES["status"]), retain=True)
        yield collector


def test_people_see_verdicts_gaps_and_what_came_twice(mosquitto, robot) -> None:
    """State, verdicts as they come, a gap when it opens, duplicates marked, a sum at the end."""
    with watch(mosquitto.port) as watching:
        first = watching.stdout.readline()
        assert "s/r offline; camera ok" in first
        assert "clock not synchronized" in first
        assert "alarm: t" in watching.stdout.readline()
        for seq in (1, 2, 2, 5, 3):
            robot.publish(TOPIC, verdict(seq), UserProperty=[("replayed", "true")] if seq == 3 else [])
        robot.publish(TOPIC, verdict(1).replace(b'"steel"', b'"brass"'))
        lines = [watching.stdout.readline() for _ in range(7)]
        watching.send_signal(signal.SIGINT)
        _, summary = watching.communicate(timeout=10)
    assert "#1 " in lines[0]
    assert lines[2].endswith("(again)\n")
    assert "s/r: 2 verdicts are missing" in lines[4]
    assert lines[5].endswith("(replayed)\n")
    assert lines[6].endswith("(CONFLICT: another verdict has this id)\n")
    assert summary == "s/r: 4 verdicts, 1 twice, 1 missing, 1 under the id of another\n"
    assert watching.returncode == 0


def test_machines_get_json_lines_or_a_table(mosquitto, robot) -> None:
    """Each line of --json is an object with topic and payload; --csv is a table of verdicts alone."""
    with watch(mosquitto.port, "--json", "--count", "2") as watching:
        status = json.loads(watching.stdout.readline())
        assert (status["topic"], status["payload"]["robot"]) == ("corrosion/v1/s/r/status", "r")
        robot.publish(TOPIC, b"no json")
        for seq in (1, 2):
            robot.publish(TOPIC, verdict(seq))
        out, _ = watching.communicate(timeout=10)
    documents = [json.loads(line) for line in out.splitlines()]
    assert documents[0]["payload"] == "no json"
    assert msgspec.convert(documents[1]["payload"], Verdict).seq == 1
    with watch(mosquitto.port, "--csv", "--count", "2") as watching:
        header = watching.stdout.readline()
        wait_for(lambda: publish_until_seen(robot, watching), what="rows")
        out, _ = watching.communicate(timeout=10)
    rows = list(csv.DictReader(io.StringIO(header + out)))
    assert rows[0]["outcome"] == "corroded"
    assert rows[0]["distance_m"] == "1.5"


def publish_until_seen(robot: Collector, watching: subprocess.Popen[str]) -> bool:
    """Publish until the watcher has enough and ends."""
    robot.publish(TOPIC, verdict(1))
    return watching.poll() is not None


def test_a_finding_is_a_line_for_people() -> None:
    """What, how often, how sure and where, instead of the message's JSON; not of another robot's topic."""
    given = msgspec.structs.replace(
        MESSAGES["finding"], material="steel", form=None, peak_severity="late", frames=3
    )
    payload = encode(given)
    topic = f"corrosion/v1/{given.site}/{given.robot}/finding"
    line = describe_message(Message(topic, payload, retained=False, arrived_at=0.0))
    assert line.startswith(f"finding  {given.site}/{given.robot} {given.state.value}: steel late, 3 frames,")
    assert line.endswith(given.id)
    other = Message("corrosion/v1/s/other/finding", payload, retained=False, arrived_at=0.0)
    assert describe_message(other).startswith("finding  {")


def test_no_broker_is_one_sentence() -> None:
    """Nobody listens there: told with the address, exit 1."""
    port = free_port()
    ran = command("edge_node.cli", "watch", f"127.0.0.1:{port}")
    assert ran.returncode == 1
    assert ran.stderr == f"edge-node: broker 127.0.0.1:{port}: Connection refused\n"
    wrong = command("edge_node.cli", "watch", "host:port")
    assert wrong.returncode == 1
    assert "wanted HOST or HOST:PORT" in wrong.stderr


def test_strangers_bytes_neither_end_a_watch_nor_steer_its_terminal(mosquitto, robot) -> None:
    """What is no verdict, or another robot's, or nonsense, is printed harmlessly; others go on."""
    odd = json.loads(verdict(7))
    odd["stages"][0].update(label="a\x1b[2J", probabilities={})
    with watch(mosquitto.port) as watching:
        assert "s/r offline" in watching.stdout.readline()
        assert "alarm: t" in watching.stdout.readline()
        robot.publish("corrosion/v1/s/r/finding", b"\x1b]0;owned\x07\nstatus   s/r online")
        robot.publish("corrosion/v1/s/r/status", b"[" * 50_000)
        robot.publish("corrosion/v1/s/other/verdict", verdict(9))
        robot.publish(TOPIC, json.dumps(odd).encode())
        robot.publish(TOPIC, verdict(8))
        lines = [watching.stdout.readline() for _ in range(5)]  # in whatever order they come
        watching.send_signal(signal.SIGINT)
        _, summary = watching.communicate(timeout=20)
    assert "finding  ?]0;owned??status   s/r online\n" in lines
    assert sum(line.startswith("corrosion/v1/s/r/status: not a status: ") for line in lines) == 1
    assert sum(line.startswith("verdict  {") for line in lines) == 1
    assert sum("#8 " in line for line in lines) == 1
    assert [line for line in lines if "#7 " in line and "a?[2J 0%" in line]
    assert "\x1b" not in "".join(lines)
    assert summary == "s/r: 2 verdicts, 0 twice, 0 missing\n"


def test_a_robot_that_can_be_none_is_one_sentence() -> None:
    """A topic's own signs are no name; nothing is connected to."""
    ran = command("edge_node.cli", "watch", "--robot", "a/#")
    assert ran.returncode == 1
    wanted = '"/" at position 2 is not allowed; wanted 1 to 64 letters (a-z, A-Z), digits, _ and -,'
    wanted += " the first a letter or digit"
    assert ran.stderr == f"edge-node: --robot a/#: {wanted}\n"
