"""Announcements over a real broker: at every connection, and nothing of another configuration stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.delivery.stale_topics import StaleTopics
from edge_node.integrations.home_assistant import HomeAssistantOutbox
from edge_node.messages.topics import Topics
from edge_node.mqtt.retained_topics import RetainedTopics
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.collector import Collector
from tests.support.processes import wait_for
from tests.support.publishing import status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import Mosquitto

QUAY, DOCK = Topics("quay", "crawler-1"), Topics("dock", "crawler-1")


def config(form: str, port: int) -> MqttConfig:
    """A configuration with discovery in one form."""
    return MqttConfig(hostname="127.0.0.1", port=port, home_assistant=form, will_delay_s=0)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A new spool."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as opened:
        yield opened


class Robot:
    """What the daemon builds for discovery and retained topics, with a state folder of its own."""

    def __init__(self, mosquitto: Mosquitto, spool: Spool, folder: Path) -> None:
        self._mosquitto, self._spool, self._folder = mosquitto, spool, folder

    def start(self, form: str, topics: Topics = QUAY) -> Publisher:
        """Connect as a robot of that name, with that form of discovery."""
        settings = config(form, self._mosquitto.port)
        retained = RetainedTopics(self._folder / "retained.json", f"127.0.0.1:{settings.port}")
        retained.claim([topics.status, topics.latest])
        outbox = HomeAssistantOutbox(topics, settings, retained)
        stale = StaleTopics(retained, topics)
        publisher = Publisher(
            settings, topics, self._spool, Wake(), inboxes=[outbox, stale], outboxes=[outbox, stale]
        )
        publisher.set_status(status())
        publisher.start()
        return publisher


@pytest.fixture
def robot(mosquitto, spool, tmp_path) -> Robot:
    """A robot that has not connected yet."""
    return Robot(mosquitto, spool, tmp_path)


def retained(port: int, pattern: str = "#") -> dict[str, bytes]:
    """Return what the broker keeps now, by topic."""
    with Collector(port, pattern, "reader") as reader:
        marker = "corrosion/test/marker"
        reader.publish(marker, b"x")
        wait_for(lambda: pattern != "#" or reader.of(marker), what="everything that is retained")
        return {message.topic: message.payload for message in reader.messages if message.retain}


def test_it_is_told_at_every_connection_and_when_home_assistant_starts(mosquitto, robot) -> None:
    """A broker may forget, and a Home Assistant that starts may find nothing retained."""
    topic = "homeassistant/device/quay/crawler-1/config"
    for _ in range(2):
        publisher = robot.start("device")
        with Collector(mosquitto.port, "homeassistant/#") as collector:
            wait_for(lambda c=collector: c.of(topic), what="discovery")
            count = len(collector.of(topic))
            collector.publish("homeassistant/status", b"online")
            wait_for(lambda c=collector, n=count: len(c.of(topic)) > n, what="discovery again")
        publisher.stop()
        mosquitto.kill()
        mosquitto.start()


def test_what_another_configuration_announced_is_taken_back(mosquitto, robot) -> None:
    """device, component, off, device: after each only what is configured is retained."""
    for form, count in (("device", 1), ("component", 9), ("off", 0), ("device", 1)):
        publisher = robot.start(form)
        wait_for(
            lambda n=count: sum("/config" in one for one in retained(mosquitto.port)) == n,
            what=f"{count} announcements",
        )
        publisher.stop()


@pytest.mark.parametrize("form", ["device", "off"])
def test_what_version_0_5_0_announced_is_cleared_where_it_is_of_this_site(mosquitto, robot, form) -> None:
    """Its topics do not name the site: the message is read before it is cleared."""

    def old(topics: Topics) -> bytes:
        part = {"platform": "sensor", "state_topic": topics.latest}
        return json.dumps({"device": {"identifiers": ["x"]}, "components": {"outcome": part}}).encode()

    with Collector(mosquitto.port, "homeassistant/#") as collector:
        collector.publish("homeassistant/device/crawler-1/config", old(QUAY), retain=True)
        one = json.dumps({"state_topic": DOCK.latest}).encode()
        collector.publish("homeassistant/sensor/crawler-1/outcome/config", one, retain=True)
        publisher = robot.start(form)
        wait_for(lambda: b"" in {m.payload for m in collector.messages}, what="clearing")
        kept = retained(mosquitto.port)
        assert "homeassistant/device/crawler-1/config" not in kept
        assert kept["homeassistant/sensor/crawler-1/outcome/config"] == one
        said = [m.payload for m in collector.of("homeassistant/device/crawler-1/config")]
        # Home Assistant keeps names and history of what it lets go of so.
        assert (b'{"migrate_discovery": true}' in said) == (form == "device")
    publisher.stop()


def test_a_robot_with_a_new_name_clears_its_old_one(mosquitto, robot) -> None:
    """Status and announcement of the old name go, once it is offline."""
    robot.start("device", QUAY).stop()
    assert QUAY.status in retained(mosquitto.port)
    publisher = robot.start("device", DOCK)
    wait_for(lambda: QUAY.status not in retained(mosquitto.port), what="clearing")
    kept = retained(mosquitto.port)
    assert {DOCK.status, "homeassistant/device/dock/crawler-1/config"} <= set(kept)
    assert not [topic for topic in kept if "quay" in topic]
    publisher.stop()


def test_a_copy_with_a_new_name_leaves_the_robot_that_it_was_copied_from(mosquitto, robot, tmp_path) -> None:
    """Its state folder says that the old name is its own; somebody is online there."""
    original = robot.start("off", QUAY)
    wait_for(lambda: QUAY.status in retained(mosquitto.port), what="status")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "retained.json").write_bytes((tmp_path / "retained.json").read_bytes())
    with Spool.open(copy / "spool.sqlite", SpoolConfig()) as spool:
        second = Robot(mosquitto, spool, copy).start("off", DOCK)
        wait_for(lambda: DOCK.status in retained(mosquitto.port), what="the copy's status")
        wait_for(lambda: second.drain(1), what="a turn")
        assert QUAY.status in retained(mosquitto.port)
        original.stop()
        wait_for(lambda: b"stopped" in retained(mosquitto.port)[QUAY.status], what="the original's end")
        wait_for(lambda: QUAY.base not in (copy / "retained.json").read_text(), what="forgetting")
        second.stop()
    assert QUAY.status in retained(mosquitto.port)
