"""``edge-node retire``: everything of a robot that is gone, nothing of any other, and no record."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.cli.control_room.retire import add_arguments, run
from edge_node.config.delivery_sections import MqttConfig
from edge_node.errors import CorrosionError
from edge_node.integrations.home_assistant_discovery import Abilities, announcements
from edge_node.messages.status import OfflineReason, Presence, Status
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import encode
from tests.support.collector import Collector
from tests.support.ingest_room import Room
from tests.support.processes import Mosquitto, wait_for
from tests.support.robot_messages import changed_verdict

if TYPE_CHECKING:
    from pathlib import Path

ABLE = Abilities(takes_commands=True, sends_pictures=True)
GONE, OTHER = Topics("quay", "crawler-1"), Topics("dock", "crawler-1")


def retire(port: int, *arguments: str, robot: str = "quay/crawler-1") -> int:
    """Run the command as from a terminal."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([robot, "--broker", f"127.0.0.1:{port}", *arguments]))


def status(topics: Topics, presence: Presence) -> bytes:
    """What a robot retains, or its will."""
    reason = OfflineReason.LINK_LOST if presence is Presence.OFFLINE else None
    since = datetime.now(timezone.utc)
    return encode(
        Status(site=topics.site, robot=topics.robot, since=since, presence=presence, offline_reason=reason)
    )


def leave_behind(port: int, topics: Topics, presence: Presence) -> list[str]:
    """Retain what a robot does, in both forms of discovery, and a poisoned command; return the topics."""
    left = {topics.status: status(topics, presence), topics.latest: b"{}", topics.thumbnail: b"\xff\xd8\xff"}
    left |= {f"{topics.base}/cmd/x": bytes(70_000), topics.receipt("room"): b"{}"}
    for form in ("device", "component"):
        config = MqttConfig(hostname="127.0.0.1", home_assistant=form)
        left |= {message.topic: message.payload for message in announcements(topics, config, ABLE)}
    old = json.dumps({"state_topic": topics.latest}).encode()
    left[f"homeassistant/sensor/crawler-1/{topics.site}/config"] = old
    with Collector(port, "nothing", f"robot {topics.site}") as robot:
        for topic, payload in left.items():
            robot.publish(topic, payload, retain=True)
    return sorted(left)


def kept(port: int) -> list[str]:
    """Return the topics that have a retained message."""
    with Collector(port, "#", f"reader {datetime.now(timezone.utc).timestamp()}") as reader:
        reader.publish("marker", b"x")
        wait_for(lambda: reader.of("marker"), what="everything that is retained")
        return sorted({message.topic for message in reader.messages if message.retain})


def test_all_that_is_retained_of_it_goes_and_the_same_name_elsewhere_stays(mosquitto, capsys) -> None:
    """Status, verdict, picture, poisoned command, receipt, discovery of both forms and of 0.5.0."""
    gone = leave_behind(mosquitto.port, GONE, Presence.OFFLINE)
    other = leave_behind(mosquitto.port, OTHER, Presence.ONLINE)
    assert retire(mosquitto.port, "--dry-run") == 0
    assert kept(mosquitto.port) == sorted(gone + other)
    said = capsys.readouterr().out.splitlines()
    assert sorted(said) == [f"would clear {topic}" for topic in gone]
    assert retire(mosquitto.port, "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert (sorted(done["cleared"]), done["refused"], done["online"]) == (gone, {}, False)
    assert kept(mosquitto.port) == other
    assert retire(mosquitto.port) == 0  # again, or a name that was mistyped
    assert "nothing of quay/crawler-1 is retained at this broker" in capsys.readouterr().err


def test_a_robot_that_is_online_is_refused_unless_forced(mosquitto, capsys) -> None:
    """Whoever mistypes a name does not take a robot at work off the screens."""
    left = leave_behind(mosquitto.port, GONE, Presence.ONLINE)
    assert retire(mosquitto.port) == 1
    captured = capsys.readouterr()
    assert "quay/crawler-1 is online; stop it first" in captured.err
    assert captured.out == ""
    assert kept(mosquitto.port) == left
    assert retire(mosquitto.port, "--force") == 0
    assert kept(mosquitto.port) == []


def test_what_the_broker_does_not_let_us_clear_is_named(tmp_path: Path, capsys) -> None:
    """Rules that allow reading only: exit code 1, and each topic with its reason."""
    rights = tmp_path / "rights"
    broker = Mosquitto(tmp_path)
    broker.configure(f"listener {broker.port} 127.0.0.1\nallow_anonymous true\nacl_file {rights}\n")
    rights.write_text("topic readwrite #\n")
    broker.start()
    topics = leave_behind(broker.port, GONE, Presence.OFFLINE)
    rights.write_text(f"topic read #\ntopic write {GONE.latest}\n")
    broker.reload()
    assert retire(broker.port) == 1
    captured = capsys.readouterr()
    assert captured.out == f"cleared {GONE.latest}\n"
    assert f"not cleared {GONE.status}: not authorized (135)" in captured.err
    assert len(captured.err.splitlines()) == len(topics) - 1
    broker.kill()


@pytest.mark.parametrize("robot", ["quay", "quay/+", "/", "a/b/c", ""])
def test_what_names_no_robot_is_refused_before_anything_is_asked(robot: str) -> None:
    """A wildcard would clear a fleet."""
    with pytest.raises(CorrosionError, match="wanted SITE/ROBOT"):
        retire(1, robot=robot)


def test_the_room_lists_it_no_longer_and_keeps_its_record(mosquitto, tmp_path: Path) -> None:
    """Until it is heard again; a late will of the robot does not bring it back."""
    room = Room(tmp_path / "room", mosquitto.port)
    with Collector(mosquitto.port, "nothing") as robot:
        verdict = changed_verdict(site="quay", robot="crawler-1")
        robot.publish(GONE.verdict, verdict)
        robot.publish(GONE.status, status(GONE, Presence.OFFLINE), retain=True)
        wait_for(lambda: [one.robot for one in room.history.robots()] == ["crawler-1"], what="a robot")
        wait_for(lambda: len(room.history.verdicts()) == 1, what="its verdict")
        assert retire(mosquitto.port) == 0
        wait_for(lambda: not room.history.robots(), what="the end of it")
        assert len(room.history.verdicts()) == 1
        robot.publish(GONE.status, status(GONE, Presence.OFFLINE))
        robot.publish(GONE.verdict, verdict)  # a duplicate
        wait_for(lambda: len(room.arrivals) == 5, what="all of it")
        assert not room.history.robots()
        robot.publish(GONE.status, status(GONE, Presence.ONLINE))
        wait_for(room.history.robots, what="its return")
        assert room.history.robots()[0].verdicts == 1
        assert not room.history.refused()
    room.close()
