"""A subscriber that keeps all it gets, for tests: paho with its own thread, MQTT v5, QoS 1."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


@dataclass
class Received:
    """One message as it came."""

    topic: str
    payload: bytes
    retain: bool
    user: dict[str, str]
    correlation: bytes
    at_s: float = field(default_factory=time.monotonic)

    @property
    def replayed(self) -> bool:
        """Marked as coming from a backlog."""
        return self.user.get("replayed") == "true"


class Collector:
    """Subscribes to ``pattern`` and keeps what comes, over reconnects, in a session of its own."""

    def __init__(self, port: int, pattern: str = "corrosion/#", client_id: str = "collector") -> None:
        self.messages: list[Received] = []
        self.subscriptions = 0
        self._pattern = pattern
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(pattern, qos=1)
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._received
        self._client.reconnect_delay_set(1, 1)
        self._ready = threading.Event()
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, keepalive=5, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._ready.wait(10), "the broker does not answer the subscription"

    def __enter__(self) -> Collector:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, topic: str) -> list[Received]:
        """What came on ``topic`` so far."""
        return [message for message in list(self.messages) if message.topic == topic]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, **properties: object) -> None:
        """Send something, with MQTT v5 properties by their name in paho."""
        packed = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(packed, name, value)
        self._client.publish(topic, payload, 1, retain, packed).wait_for_publish(5)

    def say(self, topic: str, payload: bytes) -> None:
        """Send something at QoS 0, if there is a connection; for what is said again and again."""
        self._client.publish(topic, payload, 0)

    def _subscribed(self, *_arguments: object) -> None:
        self.subscriptions += 1
        self._ready.set()

    def _received(self, _client, _data, message) -> None:
        properties = message.properties
        self.messages.append(
            Received(
                message.topic,
                bytes(message.payload),
                bool(message.retain),
                dict(getattr(properties, "UserProperty", [])),
                getattr(properties, "CorrelationData", b""),
            )
        )
