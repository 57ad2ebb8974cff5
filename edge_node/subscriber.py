"""The reading end of the broker, for the demo and ``edge-node watch``; the publishing end is elsewhere."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_node.errors import PublisherError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it arrived; ``arrived_at`` is seconds since 1970, to set against ``observed_at``."""

    topic: str
    payload: bytes
    retained: bool
    arrived_at: float


class Subscriber:
    """One MQTT v5 connection that reads topics; reconnects by itself."""

    def __init__(self, hostname: str, port: int, topics: tuple[str, ...]) -> None:
        """Connect and subscribe.

        Raises:
            PublisherError: the broker cannot be reached at the first try.
        """
        self._where = f"broker {hostname}:{port}"
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._topics = topics
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        try:
            self._client.connect(hostname, port, keepalive=15)
        except OSError as err:
            raise PublisherError(f"{self._where}: {err}; is a broker running there?") from err
        self._client.loop_start()

    def messages(self, timeout_s: float) -> Iterator[Message]:
        """Yield messages as they arrive, until none has come for ``timeout_s``."""
        while True:
            try:
                yield self._messages.get(timeout=timeout_s)
            except queue.Empty:
                return

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if not reason.is_failure:
            client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._topics])

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._messages.put(Message(message.topic, bytes(message.payload), bool(message.retain), time.time()))
