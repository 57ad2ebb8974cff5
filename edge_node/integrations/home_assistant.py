"""Announce the robot to Home Assistant: describe its topics, so that it shows them without configuration.

A view, not a record: Home Assistant shows the newest state and keeps its own history.
Source: Home Assistant, MQTT integration: "Discovery payload", device and single component.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node import __version__
from edge_node.mqtt.types import Outgoing

if TYPE_CHECKING:
    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.messages.topics import Topics


class HomeAssistantOutbox:
    """Hand out the announcements at each connection: Home Assistant may start later, a broker may forget."""

    qos = 1

    def __init__(self, topics: Topics, config: MqttConfig) -> None:
        self._announcements = announcements(topics, config)
        self._unsent: deque[Outgoing] = deque()

    def begin(self) -> None:
        """Begin again with the first announcement."""
        self._unsent = deque(self._announcements)

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002  always due
        """Return the next announcement, if there is one left."""
        return self._unsent.popleft() if self._unsent else None

    def answered(self, code: int | None) -> None:
        """Do nothing: what was lost is sent over the next connection."""


def announcements(topics: Topics, config: MqttConfig) -> list[Outgoing]:
    """Return the retained messages that describe the robot; none if ``config`` says off."""
    prefix, about = config.home_assistant_prefix, {"device": _device(topics), "origin": _origin()}
    if config.home_assistant == "device":
        components = {
            name: {"platform": platform, **_entity(topics, name, body)}
            for name, platform, body in _entities(topics)
        }
        document = {**about, "components": components, "qos": 1}
        topic = f"{prefix}/device/{topics.robot}/config"
        return [Outgoing(topic, msgspec.json.encode(document), retain=True)]
    if config.home_assistant == "component":
        return [
            Outgoing(
                f"{prefix}/{platform}/{topics.robot}/{name}/config",
                msgspec.json.encode({**_entity(topics, name, body), **about, "qos": 1}),
                retain=True,
            )
            for name, platform, body in _entities(topics)
        ]
    return []


def _entities(topics: Topics) -> list[tuple[str, str, dict[str, Any]]]:
    """Return name, platform and what is particular to each entity."""
    latest, status = topics.latest, topics.status
    confidence = "{{ {'confidence': value_json.condition_confidence, 'id': value_json.id} | tojson }}"
    return [
        (
            "outcome",
            "sensor",
            {
                "name": "Outcome",
                "state_topic": latest,
                "value_template": "{{ value_json.outcome }}",
                "json_attributes_topic": latest,
                "json_attributes_template": confidence,
                "icon": "mdi:magnify-scan",
            },
        ),
        ("material", "sensor", _field("Material", latest, "material", icon="mdi:gold")),
        ("severity", "sensor", _field("Severity", latest, "severity", icon="mdi:stairs-up")),
        (
            "area",
            "sensor",
            {
                "name": "Corroded area",
                "state_topic": latest,
                "value_template": "{{ (value_json.area_fraction * 100) | round(1)"
                " if value_json.area_fraction is not none else None }}",
                "unit_of_measurement": "%",
                "state_class": "measurement",
                "icon": "mdi:texture",
            },
        ),
        ("finding", "sensor", _field("Finding", topics.finding, "state", icon="mdi:alert-decagram")),
        (
            "link",
            "binary_sensor",
            {
                "name": "Link",
                "state_topic": status,
                "value_template": "{{ value_json.presence }}",
                "payload_on": "online",
                "payload_off": "offline",
                "device_class": "connectivity",
                "entity_category": "diagnostic",
            },
        ),
        (
            "camera",
            "sensor",
            {
                "name": "Camera",
                "state_topic": status,
                "value_template": "{{ value_json.camera.state }}",
                "icon": "mdi:camera",
                "entity_category": "diagnostic",
            },
        ),
    ]


def _field(name: str, topic: str, key: str, *, icon: str) -> dict[str, Any]:
    template = f"{{{{ value_json.{key} if value_json.{key} is not none else 'none' }}}}"
    return {"name": name, "state_topic": topic, "value_template": template, "icon": icon}


def _entity(topics: Topics, name: str, body: dict[str, Any]) -> dict[str, Any]:
    unique = f"corrosion_{topics.site}_{topics.robot}_{name}"
    # The link says offline itself: with availability it would only ever be unavailable.
    availability = {} if name == "link" else _availability(topics)
    return {"unique_id": unique, "object_id": f"{topics.robot}_{name}", **body, **availability}


def _device(topics: Topics) -> dict[str, Any]:
    return {
        "identifiers": [f"corrosion_{topics.site}_{topics.robot}"],
        "name": topics.robot,
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
