"""Describe a robot's topics as Home Assistant wants them: its device, its entities, its buttons. Pure.

Source: Home Assistant, MQTT integration: "Discovery payload", device and single component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_node import __version__
from edge_node.messages.command import Verb
from edge_node.mqtt.types import Outgoing
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from typing import TypeAlias

    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.messages.topics import Topics

    _Entity: TypeAlias = tuple[str, str, dict[str, Any]]  # name, platform, what is particular to it

_BUTTON_LIFETIME_S = 60  # a press that waits longer for the robot is not meant any more
# Home Assistant fills it in at each press; the id is what a command must never repeat.
_PRESS = (
    '{"schema":"corrosion/v1",'
    '"id":"ha-{{ utcnow().timestamp() | string | replace(".", "-") }}-{{ range(10000, 100000) | random }}",'
    '"issued_at":"{{ utcnow().isoformat() }}",'
    '"expires_at":"{{ (utcnow() + timedelta(seconds=LIFETIME)).isoformat() }}"}'
).replace("LIFETIME", str(_BUTTON_LIFETIME_S))
_BUTTONS = {Verb.PAUSE: "mdi:pause", Verb.RESUME: "mdi:play", Verb.SNAPSHOT: "mdi:camera-iris"}
# What version 0.5.0 announced, below a topic without the site.
_OLD_ENTITIES = {
    **dict.fromkeys(("outcome", "material", "severity", "area", "finding", "camera"), "sensor"),
    "link": "binary_sensor",
}


class Abilities(PlainStruct, frozen=True):
    """What a robot can show and do beside verdicts and status.

    Attributes:
        takes_commands: it executes commands that nobody signed; Home Assistant cannot sign.
        sends_pictures: it keeps the newest thumbnail as a retained message.
        has_scale: its verdicts may have an area in mm².
    """

    takes_commands: bool = False
    sends_pictures: bool = False
    has_scale: bool = False


_NONE = Abilities()
_ALL = Abilities(takes_commands=True, sends_pictures=True, has_scale=True)


def announcements(
    topics: Topics,
    config: MqttConfig,
    abilities: Abilities = _NONE,
) -> list[Outgoing]:
    """Return the retained messages that describe the robot; none if ``config`` says off."""
    prefix, about = config.home_assistant_prefix, {"device": _device(topics), "origin": _origin()}
    entities = {
        name: (platform, _entity(topics, name, platform, body))
        for name, platform, body in [*_sensors(topics), *_extras(topics, abilities)]
    }
    if config.home_assistant == "device":
        # One with a platform alone takes back what an earlier configuration announced.
        components: dict[str, dict[str, Any]] = {
            name: {"platform": platform} for name, platform, _ in _extras(topics, _ALL)
        }
        components |= {name: {"platform": platform, **body} for name, (platform, body) in entities.items()}
        document = {**about, "components": components, "qos": 1}
        topic = f"{prefix}/device/{topics.site}/{topics.robot}/config"
        return [Outgoing(topic, msgspec.json.encode(document), retain=True)]
    if config.home_assistant == "component":
        return [
            Outgoing(
                # The robot stands alone in its level, so that a broker's rules can name it.
                f"{prefix}/{platform}/{topics.site}_{name}/{topics.robot}/config",
                msgspec.json.encode({**body, **about, "qos": 1}),
                retain=True,
            )
            for name, (platform, body) in entities.items()
        ]
    return []


def old_discovery_topics(topics: Topics, prefix: str) -> list[str]:
    """Return where version 0.5.0 announced a robot of this name, of whatever site."""
    components = [
        f"{prefix}/{platform}/{topics.robot}/{name}/config" for name, platform in _OLD_ENTITIES.items()
    ]
    return [f"{prefix}/device/{topics.robot}/config", *components]


def is_about(payload: bytes, topics: Topics) -> bool:
    """Tell whether a discovery message, in either form, describes this robot and nothing else."""
    try:
        document = msgspec.json.decode(payload, type=_Discovery)
    except (msgspec.DecodeError, ValueError):
        return False
    named = [topic for part in (document, *document.components.values()) for topic in part.topics]
    return bool(named) and all(topic.startswith(f"{topics.base}/") for topic in named)


class _Component(msgspec.Struct):
    state_topic: str = ""
    image_topic: str = ""
    command_topic: str = ""
    availability_topic: str = ""

    @property
    def topics(self) -> list[str]:
        """The topics that are named."""
        topics = (self.state_topic, self.image_topic, self.command_topic, self.availability_topic)
        return [topic for topic in topics if topic]


class _Discovery(_Component):
    components: dict[str, _Component] = {}


def _sensors(topics: Topics) -> list[_Entity]:
    """Return the entities that every robot has."""
    return [*_verdict_entities(topics.latest), *_finding_entities(topics.status), *_node_entities(topics)]


def _verdict_entities(latest: str) -> list[_Entity]:
    confidence = "{{ {'confidence': value_json.condition_confidence, 'id': value_json.id} | tojson }}"
    outcome = {
        "name": "Outcome",
        "state_topic": latest,
        "value_template": "{{ value_json.outcome }}",
        "json_attributes_topic": latest,
        "json_attributes_template": confidence,
        "icon": "mdi:magnify-scan",
    }
    area = {
        "name": "Corroded area",
        "state_topic": latest,
        "value_template": "{{ (value_json.area_fraction * 100) | round(1)"
        " if value_json.area_fraction is not none else None }}",
        "unit_of_measurement": "%",
        "state_class": "measurement",
        "icon": "mdi:texture",
    }
    return [
        ("outcome", "sensor", outcome),
        ("material", "sensor", _field("Material", latest, "material", icon="mdi:gold")),
        ("severity", "sensor", _field("Severity", latest, "severity", icon="mdi:stairs-up")),
        ("area", "sensor", area),
    ]


def _finding_entities(status: str) -> list[_Entity]:
    """Return what is said of findings: from the status, which is retained, other than they are themselves."""
    finding = {
        "name": "Finding",
        "state_topic": status,
        "value_template": _of_findings("opened", "closed"),
        "json_attributes_topic": status,
        "json_attributes_template": "{{ {'open': value_json.findings_open} | tojson }}",
        "icon": "mdi:alert-decagram",
    }
    corrosion = {
        "name": "Corrosion",
        "state_topic": status,
        "value_template": _of_findings("ON", "OFF"),
        "device_class": "problem",
    }
    return [("finding", "sensor", finding), ("corrosion", "binary_sensor", corrosion)]


def _of_findings(some: str, none: str) -> str:
    """Return a template; unknown where the robot publishes no findings: that is not the same as none."""
    count = "value_json.findings_open"
    return f"{{{{ None if {count} is none else '{some}' if {count} else '{none}' }}}}"


def _node_entities(topics: Topics) -> list[_Entity]:
    link = {
        "name": "Link",
        "state_topic": topics.status,
        "value_template": "{{ value_json.presence }}",
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
    }
    camera = {
        "name": "Camera",
        "state_topic": topics.status,
        "value_template": "{{ value_json.camera.state }}",
        "icon": "mdi:camera",
        "entity_category": "diagnostic",
    }
    temperature = {
        "name": "Processor temperature",
        "state_topic": topics.health,
        "value_template": "{{ value_json.temperature_c }}",
        "unit_of_measurement": "°C",
        "device_class": "temperature",
        "state_class": "measurement",
        "entity_category": "diagnostic",
    }
    return [
        ("link", "binary_sensor", link),
        ("camera", "sensor", camera),
        ("temperature", "sensor", temperature),
    ]


def _extras(topics: Topics, abilities: Abilities) -> list[_Entity]:
    """Return the entities that not every robot has: area in mm², picture, buttons for commands."""
    found: list[_Entity] = []
    if abilities.has_scale:
        area = {
            "name": "Corroded area on the surface",
            "state_topic": topics.latest,
            "value_template": "{{ value_json.area_mm2 | round(1)"
            " if value_json.area_mm2 is not none else None }}",
            "unit_of_measurement": "mm²",
            "state_class": "measurement",
            "icon": "mdi:texture-box",
        }
        found.append(("area_mm2", "sensor", area))
    if abilities.sends_pictures:
        picture = {"name": "Picture", "image_topic": topics.thumbnail, "content_type": "image/jpeg"}
        found.append(("picture", "image", picture))
    if abilities.takes_commands:
        for verb, icon in _BUTTONS.items():
            button = {
                "name": verb.value.capitalize(),
                "command_topic": topics.command(verb.value),
                "command_template": _PRESS,
                "icon": icon,
            }
            found.append((verb.value, "button", button))
    return found


def _field(name: str, topic: str, key: str, *, icon: str) -> dict[str, Any]:
    template = f"{{{{ value_json.{key} if value_json.{key} is not none else 'none' }}}}"
    return {"name": name, "state_topic": topic, "value_template": template, "icon": icon}


def _entity(topics: Topics, name: str, platform: str, body: dict[str, Any]) -> dict[str, Any]:
    slug = f"{topics.site}_{topics.robot}_{name}".lower().replace("-", "_")
    # The link says offline itself: with availability it would only ever be unavailable.
    availability = {} if name == "link" else _availability(topics)
    identity = {"unique_id": f"{_identifier(topics)}_{name}", "default_entity_id": f"{platform}.{slug}"}
    return {**identity, **body, **availability}


def _identifier(topics: Topics) -> str:
    """Return what no robot of another site or name has.

    The underscores of a name are doubled: a_b at c is not b_c at a. Other names are as in version 0.5.0, so
    that Home Assistant knows its entities again.
    """
    site, robot = (name.replace("_", "__") for name in (topics.site, topics.robot))
    return f"corrosion_{site}_{robot}"


def _device(topics: Topics) -> dict[str, Any]:
    return {
        "identifiers": [_identifier(topics)],
        "name": f"{topics.robot} ({topics.site})",
        "suggested_area": topics.site,
        "model": "Corrosion edge node",
        "sw_version": __version__,
    }


def _origin() -> dict[str, Any]:
    return {"name": "corrosion-edge-node", "sw_version": __version__}


def _availability(topics: Topics) -> dict[str, Any]:
    return {
        "availability_topic": topics.status,
        "availability_template": "{{ value_json.presence }}",
        "payload_available": "online",
        "payload_not_available": "offline",
    }
