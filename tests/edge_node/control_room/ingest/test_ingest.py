"""From a real mosquitto into the history: nothing missed over kills, nothing let go before it is kept."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.settings import build_settings
from edge_node.messages.status import LinkState, Presence, Status
from edge_node.messages.verdict import encode
from edge_node.mqtt.types import LinkError, Outgoing
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.ingest_room import Room, publish_all, robot_verdict
from tests.support.processes import Mosquitto, wait_for
from tests.support.verdicts import START

if TYPE_CHECKING:
    from pathlib import Path


VERDICTS = 1200
KILLS = 3


def test_a_killed_control_room_misses_nothing_when_it_returns(tmp_path: Path, broker: Mosquitto) -> None:
    """Killed amid the verdicts of two robots, and away for a while each time: all are here, once."""
    room = ControlRoom(tmp_path, broker.port)
    room.start()
    robots = [
        threading.Thread(target=publish_all, args=(broker.port, f"crawler-{number}", VERDICTS // 2, 0.002))
        for number in (1, 2)
    ]
    for robot in robots:
        robot.start()
    chance = random.Random(7)  # noqa: S311  no secret
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.2, 0.8))
        room.kill()
        time.sleep(chance.uniform(0.1, 0.5))
        room.start()
    for robot in robots:
        robot.join()
    wait_for(lambda: room.ask("/api/verdicts?limit=1")["total"] >= VERDICTS, 30, "all verdicts")
    state = room.state()
    assert room.stop() == 0
    assert [(one["verdicts"], one["missing"]) for one in state["robots"]] == [(VERDICTS // 2, 0)] * 2
    assert state["gaps"] == []
    assert state["link"]["notices"] == []
    history = History(tmp_path / "room", read_only=True)
    assert history.count_verdicts() == VERDICTS
    history.close()


def test_a_broker_that_stops_and_starts_is_found_again(tmp_path: Path, broker: Mosquitto) -> None:
    """The session survives on the broker's disk, and so does what it holds for the room."""
    with ControlRoom(tmp_path, broker.port) as room:
        broker.terminate()
        wait_for(lambda: room.state()["link"]["state"] == "connecting", 20, "the room noticing")
        assert "connection" in room.state()["link"]["text"].lower()
        broker.start()
        wait_for(lambda: room.state()["link"]["state"] == "connected", 40, "the room connected again")
        publish_all(broker.port, "crawler-1", 3, 0)
        wait_for(lambda: room.ask("/api/verdicts")["total"] == 3, 10, "verdicts after the break")
        assert room.state()["link"]["notices"] == []


def test_what_cannot_be_stored_is_not_acknowledged(tmp_path: Path, broker: Mosquitto) -> None:
    """While the history cannot be written the verdict stays at the broker; it comes when it can be again."""
    room = Room(tmp_path / "room", broker.port)
    with room.history.transaction():  # whoever else writes gets nothing in
        publish_all(broker.port, "crawler-1", 1, 0)
        time.sleep(0.3)
        assert room.arrivals == []
        room.ingest.stop(0.1)
    room.close()
    again = Room(tmp_path / "room", broker.port)
    wait_for(lambda: again.history.count_verdicts() == 1, what="the verdict")
    assert len(again.history.robots()) == 1
    again.close()


def test_what_the_broker_retained_was_not_said_just_now(tmp_path: Path, broker: Mosquitto) -> None:
    """A robot that has been off for a week is shown, but not as heard of today."""
    topic = "corrosion/v1/quay/crawler-1/status"
    status = Status(site="quay", robot="crawler-1", since=START, presence=Presence.OFFLINE)
    with Collector(broker.port, "nothing") as robot:
        room = Room(tmp_path / "room", broker.port)
        robot.publish(topic, encode(status), retain=True)
        wait_for(room.history.robots, what="the status")
        before = room.history.robots()[0].last_heard_at
        room.close()
        room = Room(tmp_path / "room", broker.port)
        wait_for(lambda: room.arrivals, what="the retained status")
        (known,) = room.history.robots()
        assert (known.status, known.last_heard_at) == (status, before)
        room.close()


def test_messages_are_sent_and_answered_for(tmp_path: Path, broker: Mosquitto) -> None:
    """With the broker's reason code; without a link they fail at once instead of waiting for one."""
    room = Room(tmp_path / "room", broker.port)
    assert room.ingest.send(Outgoing("some/where", b"x")).result(5) in (0x00, 0x10)
    broker.kill()
    wait_for(lambda: room.ingest.link.state is LinkState.CONNECTING, what="the link noticed as lost")
    with pytest.raises(LinkError, match="no link"):
        room.ingest.send(Outgoing("some/where", b"x")).result(5)
    room.close()


def test_a_message_that_is_too_large_is_counted_with_its_topic_and_costs_nothing_else(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Retained at a broker that cannot be told a limit (3.1.1): it would end the link at every connection."""
    topic = "corrosion/v1/quay/crawler-1/evidence/large"
    with Collector(mosquitto.port, "nothing") as robot:
        robot.publish(topic, bytes(2_200_000), retain=True)
        settings = build_settings(
            {"hostname": "127.0.0.1", "port": mosquitto.port, "protocol": "3.1.1"},
            {"state_dir": str(tmp_path / "room")},
        )
        history = History(tmp_path / "room")
        ingest = Ingest(settings, history, tmp_path / "room")
        ingest.start()
        wait_for(history.refused, what="the count")
        (refused,) = history.refused()
        assert (refused.last_topic, refused.count) == (topic, 1)
        robot.publish("corrosion/v1/quay/crawler-1/verdict", robot_verdict("crawler-1", 1))
        wait_for(lambda: history.count_verdicts() == 1, what="a verdict")
        assert ingest.link.state is LinkState.CONNECTED
        ingest.stop()
        history.close()
