"""Home Assistant: what it is told, in both forms, and that it is told at every connection."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.integrations.home_assistant import HomeAssistantOutbox, announcements
from edge_node.messages.topics import Topics
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.edge_node.integrations.test_message_schema import MESSAGES
from tests.support.collector import Collector
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Mosquitto

TOPICS = Topics("site", "robot")
ENTITIES = {"outcome", "material", "severity", "area", "finding", "link", "camera"}


def config(form: str, port: int = 1883) -> MqttConfig:
    """A configuration with discovery in one form."""
    return MqttConfig(hostname="127.0.0.1", port=port, home_assistant=form)


def test_off_says_nothing() -> None:
    """Nobody who has no Home Assistant gets topics of it."""
    assert announcements(TOPICS, config("off")) == []


def test_the_device_form_is_one_message_with_every_entity() -> None:
    """Home Assistant 2024.12 and later: one topic, all components, one device, availability."""
    (announcement,) = announcements(TOPICS, config("device"))
    assert announcement.topic == "homeassistant/device/robot/config"
    document = json.loads(announcement.payload)
    assert set(document["components"]) == ENTITIES
    assert document["origin"]["name"]
    assert document["device"]["identifiers"]
    assert document["components"]["outcome"]["availability_topic"] == TOPICS.status
    assert "availability_topic" not in document["components"]["link"]
    unique = [component["unique_id"] for component in document["components"].values()]
    assert len(set(unique)) == len(unique)


def test_the_component_form_is_one_message_for_each_entity() -> None:
    """Older ones: a topic per entity, each with the device."""
    told = announcements(TOPICS, config("component"))
    assert {announcement.topic.split("/")[3] for announcement in told} == ENTITIES
    for announcement in told:
        document = json.loads(announcement.payload)
        assert document["device"]["identifiers"]
        assert re.fullmatch(r"homeassistant/(binary_)?sensor/robot/\w+/config", announcement.topic)
        # The link says offline itself; with availability it would only ever be unavailable.
        assert ("availability_topic" in document) == ("/link/" not in announcement.topic)


@pytest.mark.parametrize("form", ["device", "component"])
def test_every_template_finds_its_key_in_a_real_message(form: str) -> None:
    """A template that names a key which messages do not have would show nothing, silently."""
    by_topic = {TOPICS.latest: "verdict", TOPICS.status: "status", TOPICS.finding: "finding"}
    documents = [json.loads(announcement.payload) for announcement in announcements(TOPICS, config(form))]
    components = list(documents[0]["components"].values()) if form == "device" else documents
    checked = 0
    for component in components:
        name = by_topic.get(component["state_topic"])
        if name is None:
            continue
        message = json_of(name)
        for path in re.findall(r"value_json\.([a-z_.]+)", component["value_template"]):
            value = message
            for key in path.split("."):
                assert key in value, f"{path} of {component['unique_id']}"
                value = value[key]
            checked += 1
    assert checked >= 7


def json_of(name: str):
    """A message as it is sent."""
    from edge_node.messages.verdict import encode

    return json.loads(encode(MESSAGES[name]))


def test_the_templates_give_what_the_screen_should_show() -> None:
    """Rendered by Jinja, as Home Assistant does; what is not known is none, never an error."""
    environment = pytest.importorskip("jinja2.sandbox").SandboxedEnvironment()
    (announcement,) = announcements(TOPICS, config("device"))
    components = json.loads(announcement.payload)["components"]

    def shown(entity: str, message: dict, key: str = "value_template") -> str:
        return environment.from_string(components[entity][key]).render(value_json=message)

    verdict = json_of("verdict") | {"area_fraction": 0.0314, "severity": None}
    assert shown("outcome", verdict) == "corroded"
    assert shown("material", verdict) == "steel"
    assert shown("severity", verdict) == "none"
    assert shown("area", verdict) == "3.1"
    assert shown("area", verdict | {"area_fraction": None}) == "None"
    assert json.loads(shown("outcome", verdict, "json_attributes_template"))["id"] == verdict["id"]
    assert shown("finding", json_of("finding")) == "opened"
    assert shown("link", json_of("status")) == components["link"]["payload_off"] == "offline"
    assert shown("camera", json_of("status")) == "ok"


@pytest.mark.parametrize(("form", "count"), [("device", 1), ("component", 7)])
def test_it_is_told_retained_at_every_connection(
    mosquitto: Mosquitto, tmp_path: Path, form: str, count: int
) -> None:
    """Home Assistant may start after the robot, and a broker may forget: it is said again."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    for _ in range(2):
        settings = config(form, mosquitto.port)
        outbox = HomeAssistantOutbox(TOPICS, settings)
        publisher = Publisher(settings, TOPICS, spool, Wake(), outboxes=[outbox])
        publisher.start()
        with Collector(mosquitto.port, "homeassistant/#") as collector:
            wait_for(lambda c=collector: len({m.topic for m in c.messages}) == count, what="discovery")
        publisher.stop()
        mosquitto.kill()
        mosquitto.start()
    spool.close()
