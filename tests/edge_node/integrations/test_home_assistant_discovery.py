"""Home Assistant: what it is told of a robot, in both forms, and what it shows of real messages."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from edge_node.commands.admission import AdmittedCommand
from edge_node.config.delivery_sections import MqttConfig
from edge_node.integrations.home_assistant_discovery import (
    Abilities,
    announcements,
    is_about,
    old_discovery_topics,
)
from edge_node.messages.topics import Topics
from edge_node.mqtt.types import Incoming
from tests.edge_node.integrations.test_message_schema import MESSAGES
from tests.support.commands import gate

TOPICS = Topics("site", "robot")
ENTITIES = {
    *("outcome", "material", "severity", "area", "finding", "corrosion", "link", "camera", "temperature")
}
ALL = Abilities(takes_commands=True, sends_pictures=True, has_scale=True)
EXTRAS = {"picture", "pause", "resume", "snapshot", "area_mm2"}


def config(form: str, port: int = 1883) -> MqttConfig:
    """A configuration with discovery in one form."""
    return MqttConfig(hostname="127.0.0.1", port=port, home_assistant=form)


def test_off_says_nothing() -> None:
    """Nobody who has no Home Assistant gets topics of it."""
    assert announcements(TOPICS, config("off")) == []


def test_the_device_form_is_one_message_with_every_entity() -> None:
    """Home Assistant 2024.12 and later: one topic, all components, one device, availability."""
    (announcement,) = announcements(TOPICS, config("device"))
    assert announcement.topic == "homeassistant/device/site/robot/config"
    document = json.loads(announcement.payload)
    told = {name for name, part in document["components"].items() if set(part) != {"platform"}}
    assert told == ENTITIES
    assert document["origin"]["name"]
    assert document["device"]["identifiers"]
    assert document["components"]["outcome"]["availability_topic"] == TOPICS.status
    assert "availability_topic" not in document["components"]["link"]
    unique = [document["components"][name]["unique_id"] for name in told]
    assert len(set(unique)) == len(unique)


def test_the_component_form_is_one_message_for_each_entity() -> None:
    """Older ones: a topic per entity, each with the device."""
    told = announcements(TOPICS, config("component"))
    levels = {announcement.topic.split("/")[2] for announcement in told}
    assert levels == {f"site_{name}" for name in ENTITIES}
    for announcement in told:
        document = json.loads(announcement.payload)
        assert document["device"]["identifiers"]
        assert re.fullmatch(r"homeassistant/(binary_)?sensor/site_\w+/robot/config", announcement.topic)
        # The link says offline itself; with availability it would only ever be unavailable.
        assert ("availability_topic" in document) == ("_link/" not in announcement.topic)


@pytest.mark.parametrize("form", ["device", "component"])
def test_every_template_finds_its_key_in_a_real_message(form: str) -> None:
    """A template that names a key which messages do not have would show nothing, silently."""
    by_topic = {TOPICS.latest: "verdict", TOPICS.status: "status", TOPICS.health: "health"}
    documents = [json.loads(announcement.payload) for announcement in announcements(TOPICS, config(form))]
    components = list(documents[0]["components"].values()) if form == "device" else documents
    components = [component for component in components if "state_topic" in component]
    checked = 0
    for component in components:
        message = json_of(by_topic[component["state_topic"]])
        for path in re.findall(r"value_json\.([a-z_.]+)", component["value_template"]):
            value = message
            for key in path.split("."):
                assert key in value, f"{path} of {component['unique_id']}"
                value = value[key]
            checked += 1
    assert checked >= 10


def json_of(name: str):
    """A message as it is sent."""
    from edge_node.messages.verdict import encode

    return json.loads(encode(MESSAGES[name]))


def test_the_templates_give_what_the_screen_should_show() -> None:
    """Rendered by Jinja, as Home Assistant does; what is not known is none, never an error."""
    environment = pytest.importorskip("jinja2.sandbox").SandboxedEnvironment()
    (announcement,) = announcements(TOPICS, config("device"), ALL)
    components = json.loads(announcement.payload)["components"]

    def shown(entity: str, message: dict, key: str = "value_template") -> str:
        return environment.from_string(components[entity][key]).render(value_json=message)

    verdict = json_of("verdict") | {"area_fraction": 0.0314, "severity": None}
    assert shown("outcome", verdict) == "corroded"
    assert shown("material", verdict) == "steel"
    assert shown("severity", verdict) == "none"
    assert shown("area", verdict) == "3.1"
    assert shown("area", verdict | {"area_fraction": None}) == "None"
    assert shown("area_mm2", verdict | {"area_mm2": 1234.56}) == "1234.6"
    assert shown("area_mm2", verdict) == "None"
    assert json.loads(shown("outcome", verdict, "json_attributes_template"))["id"] == verdict["id"]
    for count, finding, problem in ((2, "opened", "ON"), (0, "closed", "OFF"), (None, "None", "None")):
        status = json_of("status") | {"findings_open": count}
        assert (shown("finding", status), shown("corrosion", status)) == (finding, problem)
    assert shown("temperature", json_of("health") | {"temperature_c": 51.5}) == "51.5"
    assert shown("link", json_of("status")) == components["link"]["payload_off"] == "offline"
    assert shown("camera", json_of("status")) == "ok"


def documents(topics: Topics, form: str = "device") -> list[dict]:
    """What is announced of a robot that can do everything."""
    return [json.loads(message.payload) for message in announcements(topics, config(form), ALL)]


def test_robots_of_one_name_and_names_with_underscores_are_told_apart() -> None:
    """By topic, device, entity and default name: nothing of one overwrites another's."""
    robots = [("quay", "r-1"), ("dock", "r-1"), ("a_b", "c"), ("a", "b_c")]
    robots += [("a", "b"), ("a_", "b"), ("a_b", "b")]
    for form in ("device", "component"):
        topics = [one.topic for robot in robots for one in announcements(Topics(*robot), config(form), ALL)]
        assert len(set(topics)) == len(topics)
    devices, entities = set(), set()
    for robot in robots:
        (document,) = documents(Topics(*robot))
        devices.add(*document["device"]["identifiers"])
        entities |= {component["unique_id"] for component in document["components"].values()}
    assert len(devices) == len(robots)
    assert len(entities) == len(robots) * len(ENTITIES | EXTRAS)
    # As in version 0.5.0, where there is no underscore: Home Assistant knows its entities again.
    assert {"corrosion_quay_r-1", "corrosion_dock_r-1"} <= devices
    assert "corrosion_quay_r-1_outcome" in entities


def test_an_entity_is_named_as_home_assistant_wants_it_since_2025_10() -> None:
    """``object_id`` is gone; ``default_entity_id`` has the platform, and only letters that an id may have."""
    (document,) = documents(Topics("Quay-7", "crawler-1"))
    for component in document["components"].values():
        assert "object_id" not in component
        assert re.fullmatch(component["platform"] + r"\.quay_7_crawler_1_\w+", component["default_entity_id"])


def test_buttons_picture_and_area_in_mm2_are_there_only_where_the_robot_has_them() -> None:
    """No button where commands must be signed: Home Assistant cannot sign."""
    (bare,) = announcements(TOPICS, config("device"))
    parts = json.loads(bare.payload)["components"]
    # A platform alone: Home Assistant removes what was announced before.
    assert {name: part for name, part in parts.items() if name not in ENTITIES} == {
        "picture": {"platform": "image"},
        "area_mm2": {"platform": "sensor"},
        **{name: {"platform": "button"} for name in ("pause", "resume", "snapshot")},
    }
    told = announcements(TOPICS, config("component"))
    assert {one.topic.split("/")[2].removeprefix("site_") for one in told} == ENTITIES
    (document,) = documents(TOPICS)
    assert set(document["components"]) == ENTITIES | EXTRAS
    assert document["components"]["picture"]["image_topic"] == TOPICS.thumbnail
    assert document["components"]["corrosion"]["device_class"] == "problem"


def test_a_pressed_button_is_a_command_that_the_robot_takes() -> None:
    """Rendered as Home Assistant does: an id of its own each time, and a minute to live."""
    environment = pytest.importorskip("jinja2.sandbox").SandboxedEnvironment()
    now = datetime.now(timezone.utc)
    environment.globals |= {"utcnow": lambda: now, "timedelta": timedelta}
    (document,) = documents(TOPICS)
    for verb in ("pause", "resume", "snapshot"):
        button = document["components"][verb]
        template = environment.from_string(button["command_template"])
        door = gate(now)
        for _ in range(2):
            pressed = Incoming(button["command_topic"], template.render().encode(), is_retained=False)
            judged = door.judge(pressed)
            assert isinstance(judged, AdmittedCommand), judged
            assert judged.verb.value == verb


def test_an_old_announcement_is_known_by_its_topics_not_by_its_place() -> None:
    """Of another site, of somebody else, no JSON: not ours."""
    parts = {"a": {"state_topic": TOPICS.latest}, "b": {"state_topic": TOPICS.status}}
    old = json.dumps({"components": parts})
    assert is_about(old.encode(), TOPICS)
    assert is_about(json.dumps({"state_topic": TOPICS.latest}).encode(), TOPICS)
    for form in ("device", "component"):  # buttons and the picture have no state
        assert all(is_about(one.payload, TOPICS) for one in announcements(TOPICS, config(form), ALL))
    for other in (
        old.replace("/site/robot/status", "/dock/robot/status"),
        old.replace("/robot/", "/robot2/"),
        "{}",
        "",
        "no JSON",
        '{"state_topic": 7}',
        '{"components": []}',
    ):
        assert not is_about(other.encode(), TOPICS)
    assert "homeassistant/device/robot/config" in old_discovery_topics(TOPICS, "homeassistant")
    assert "homeassistant/binary_sensor/robot/link/config" in old_discovery_topics(TOPICS, "homeassistant")
