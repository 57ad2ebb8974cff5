"""Open one MQTT connection, send and receive over it, close it; with ``paho_client`` the importer of paho.

A session belongs to one thread, runs in that thread and never reconnects: a new connection is a new
session with a new client, so nothing that paho remembers can be sent twice, and an exception in a
callback surfaces in ``poll`` instead of ending a thread that nobody watches.
"""

from __future__ import annotations

import logging
import select
import ssl
import time
from typing import TYPE_CHECKING

from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_node.mqtt.failure_text import connect_failure, end_before_answer, refusal
from edge_node.mqtt.packets import packed_properties
from edge_node.mqtt.paho_client import PackedProperties, PahoClient
from edge_node.mqtt.types import (
    Endpoint,
    Granted,
    Incoming,
    LinkError,
    Outgoing,
    PersistentSession,
    Promise,
    Will,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from paho.mqtt import client as paho
    from paho.mqtt.reasoncodes import ReasonCode

    from edge_node.mqtt.packet_stream import SkippedPublish
    from edge_node.mqtt.wake import Wake


CONNECT_TIMEOUT_S = 10.0  # a satellite link answers in 2 s
MAX_INCOMING_BYTES = 64 * 1024  # of a robot: commands are 4 KiB at most; more is skipped
# What a broker of MQTT 5 is asked to keep to. Larger than what is read: what comes and is skipped has a name,
# what the broker drops has none; and small enough for a slow link.
TOLD_LIMIT_BYTES = 256 * 1024
_MOST_FILTERS = 8  # in one SUBSCRIBE: AWS IoT Core takes no more
_RECEIVE_MAXIMUM = 65_535  # of a broker that names none
_REFUSALS = {0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x9D}  # version, client id, credentials, ban, method, moved

_log = logging.getLogger(__name__)


class Session:
    """One connection; every method belongs to the thread that made it."""

    def __init__(  # noqa: PLR0913  what to ask for, and who is told, by name
        self,
        endpoint: Endpoint,
        *,
        will: Will | None = None,
        persistent: PersistentSession | None = None,
        on_acknowledged: Callable[[int, int], None] = lambda _mid, _code: None,
        on_message: Callable[[Incoming], None] = lambda _message: None,
        on_skipped: Callable[[SkippedPublish], None] | None = None,
        on_denied: Callable[[str, int], None] | None = None,
        promise: Promise = Promise(),  # noqa: B008  frozen
        told_limit_bytes: int | None = TOLD_LIMIT_BYTES,
    ) -> None:
        """Prepare a connection.

        Args:
            endpoint: where to.
            will: published by the broker when the link is lost.
            persistent: the broker keeps the session, and each message until ``acknowledge`` (v5).
            on_acknowledged: called in ``poll`` with what ``publish`` returned and the reason code.
            on_message: called in ``poll``.
            on_skipped: called in ``poll`` for a message that is too large or broken; logged if not given.
            on_denied: called in ``poll`` with a filter that the broker refuses and its reason code; the same.
            promise: what to ask of the broker, as far as it is known to offer less.
            told_limit_bytes: the broker is to send no larger message (v5); None asks for all.
        """
        self._endpoint = endpoint
        self._on_acknowledged = on_acknowledged
        self._on_message = on_message
        self._on_skipped = on_skipped or self._log_skipped
        self._on_denied = on_denied or self._log_denied
        self._granted: Granted | None = None
        self._promise = promise
        self._ended: LinkError | None = None
        self._was_answered = self._has_sent = False
        self._filters: dict[int, list[str]] = {}  # by the number of the SUBSCRIBE
        self._will_delay_s = will.delay_s if will else 0
        self._persistent = persistent
        self._told_limit_bytes = told_limit_bytes
        self._client = self._new_client()
        if will is not None:
            retain = will.retain and promise.retain
            properties = self._will_properties(will)
            self._client.will_set(will.topic, will.payload, promise.qos, retain, properties)

    @property
    def can_write(self) -> bool:
        """False while the link is so slow that sent messages still wait in this process."""
        return not self._client.want_write()

    @property
    def is_skipping(self) -> bool:
        """True while a message that is too large comes in; the broker's answers wait behind it."""
        return self._client.is_skipping

    @property
    def was_answered(self) -> bool:
        """True once the broker has answered any message."""
        return self._was_answered

    def open(self, wake: Wake | None = None, stop: Callable[[], bool] = lambda: False) -> Granted:
        """Connect, wait for the broker's answer and return what it allows.

        Raises:
            LinkError: nobody is there, or we are refused.
        """
        try:
            self._client.connect(
                self._endpoint.hostname,
                self._endpoint.port,
                keepalive=self._endpoint.keep_alive_s,
                **self._connect_options(),
            )
        except (OSError, ValueError) as err:
            raise connect_failure(self._endpoint, err) from err
        deadline_s = time.monotonic() + CONNECT_TIMEOUT_S
        while self._granted is None:
            if time.monotonic() > deadline_s or stop():
                raise end_before_answer(self._endpoint, is_silent=True)
            self.poll(0.2, wake)
        return self._granted

    def publish(self, message: Outgoing) -> int:
        """Send a message and return its number on this connection.

        A broker that takes QoS 0 only answers nothing. There a message of QoS 1 counts as acknowledged when
        the broker has answered a ping that was sent after it: it has read the message, and no more.

        Raises:
            LinkError: the link is lost.
        """
        allowed = self._granted.promise if self._granted else self._promise
        qos, retain = min(message.qos, allowed.qos), message.retain and allowed.retain
        properties = self._publish_properties(message)
        sent = self._client.publish(message.topic, message.payload, qos, retain, properties)
        if sent.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            raise self._lost()
        self._has_sent = True
        if qos < message.qos:
            self._client.confirm_by_ping(sent.mid)
        return sent.mid

    def subscribe(self, filters: Sequence[str], qos: int = 1) -> None:
        """Ask for messages; a broker may grant a subscription and deliver nothing."""
        for begin in range(0, len(filters), _MOST_FILTERS):
            some = list(filters[begin : begin + _MOST_FILTERS])
            _, number = self._client.subscribe([(name, qos) for name in some])
            if number is not None:
                self._filters[number] = some

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Ask for messages no longer; what waits for us in a session comes nevertheless."""
        for begin in range(0, len(filters), _MOST_FILTERS):
            self._client.unsubscribe(list(filters[begin : begin + _MOST_FILTERS]))

    def acknowledge(self, message: Incoming) -> None:
        """Let the broker forget a message of a ``persistent`` session; else it comes again."""
        if message.qos:
            self._client.ack(message.number, message.qos)

    def poll(self, timeout_s: float, wake: Wake | None = None) -> None:
        """Wait for something to happen on the link, or for ``wake`` to be set, and deal with it.

        Raises:
            LinkError: the link is lost.
        """
        self._client.ping_if_needed()
        link = self._client.socket()
        if link is None:
            raise self._lost()
        waiting = select.poll()
        waiting.register(link, select.POLLIN | select.POLLPRI | (0 if self.can_write else select.POLLOUT))
        if wake is not None and wake.fileno() >= 0:
            waiting.register(wake, select.POLLIN)
        # Decrypted bytes wait in the TLS layer, where poll(2) does not see them.
        buffered = isinstance(link, ssl.SSLSocket) and link.pending() > 0
        events = dict(waiting.poll(0 if buffered else int(timeout_s * 1000)))
        if wake is not None and events.pop(wake.fileno(), 0):
            wake.clear()
        self._serve(events.get(link.fileno(), 0) | (select.POLLIN if buffered else 0))

    def close(self, timeout_s: float = 0.5, *, ends_session: bool = False) -> None:
        """Send DISCONNECT, so that the broker drops the will, and close; never raises.

        ``ends_session``: the broker keeps nothing for us (v5).
        """
        self._client.on_disconnect = None
        try:
            properties = _properties(PacketTypes.DISCONNECT) if ends_session else None
            if properties is not None:
                properties.SessionExpiryInterval = 0
            self._client.disconnect(properties=properties)
            deadline_s = time.monotonic() + timeout_s
            while not self.can_write and time.monotonic() < deadline_s:
                self._client.loop_write()
                time.sleep(0.01)
        except (OSError, ValueError):
            pass
        self.abandon()

    def abandon(self) -> None:
        """Close without DISCONNECT; never raises."""
        link = self._client.socket()
        if link is not None:
            link.close()

    def _new_client(self) -> PahoClient:
        endpoint, persistent = self._endpoint, self._persistent
        client = PahoClient(
            CallbackAPIVersion.VERSION2,
            client_id=endpoint.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if endpoint.is_v5 else MQTTProtocolVersion.MQTTv311,
            clean_session=None if endpoint.is_v5 else True,
            reconnect_on_failure=False,
            manual_ack=persistent is not None,
            largest_bytes=persistent.max_packet_bytes if persistent else MAX_INCOMING_BYTES,
            is_v5=endpoint.is_v5,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(0)  # the window is the publisher's
        if endpoint.tls is not None:
            client.tls_set_context(endpoint.tls)
        if endpoint.username is not None:
            client.username_pw_set(endpoint.username, endpoint.password)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_publish = self._acknowledged
        client.on_answer = self._answered
        client.on_incoming = self._on_message
        client.on_skipped = self._on_skipped
        return client

    def _serve(self, events: int) -> None:
        result = MQTTErrorCode.MQTT_ERR_SUCCESS
        if events & ~select.POLLOUT:  # readable, or broken: reading tells
            result = self._client.loop_read()
        if result == MQTTErrorCode.MQTT_ERR_SUCCESS and events & select.POLLOUT:
            result = self._client.loop_write()
        if result == MQTTErrorCode.MQTT_ERR_SUCCESS:
            result = self._client.loop_misc()
        if self._ended is not None or result != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._lost()

    def _lost(self) -> LinkError:
        if self._ended is not None:
            return self._ended
        where = self._endpoint.where
        if self._client.stream_error:
            refused = self._client.is_version_refused
            return LinkError(f"{where}: {self._client.stream_error}", refused=refused)
        if self._granted is None:
            return end_before_answer(self._endpoint, tls_alert=self._client.tls_alert)
        return self._lost_after_answer("connection lost", None)

    def _lost_after_answer(self, text: str, code: int | None) -> LinkError:
        is_unanswered = code is None and self._has_sent and not self._was_answered
        return LinkError(f"{self._endpoint.where}: {text}", code=code, is_unanswered=is_unanswered)

    def _connected(
        self, _client: paho.Client, _data: Any, flags: Any, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            text = refusal(self._endpoint, code.value, code.getName())
            self._ended = LinkError(text, code=code.value, refused=code.value in _REFUSALS)
            return
        self._granted = Granted(
            getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM),
            getattr(properties, "MaximumPacketSize", None),
            bool(flags.session_present),
            Promise(
                retain=self._promise.retain and bool(getattr(properties, "RetainAvailable", 1)),
                qos=min(self._promise.qos, getattr(properties, "MaximumQoS", 1)),
            ),
            wildcards=bool(getattr(properties, "WildcardSubscriptionAvailable", 1)),
        )

    def _disconnected(
        self, _client: paho.Client, _data: Any, flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        if self._ended is None and self._granted is not None:
            has_reason = flags.is_disconnect_packet_from_server
            text = f"says {code.getName()} ({code.value})" if has_reason else "connection lost"
            self._ended = self._lost_after_answer(text, code.value if has_reason else None)

    def _acknowledged(
        self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _properties: Any
    ) -> None:
        self._answered(mid, code.value)

    def _answered(self, number: int, code: int) -> None:
        self._was_answered = True
        self._on_acknowledged(number, code)

    def _subscribed(
        self, _client: paho.Client, _data: Any, mid: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        for name, code in zip(self._filters.pop(mid, ()), codes):  # noqa: B905  a broker may send too few
            if code.value >= 0x80:
                self._on_denied(name, code.value)

    def _log_skipped(self, skipped: SkippedPublish) -> None:
        _log.warning("%s: %s", self._endpoint.where, skipped.text)

    def _log_denied(self, topic_filter: str, code: int) -> None:
        _log.warning("%s: does not let us subscribe to %s (%d)", self._endpoint.where, topic_filter, code)

    def _connect_options(self) -> dict[str, Any]:
        if not self._endpoint.is_v5:
            return {}
        properties = _properties(PacketTypes.CONNECT)
        # Only as long as the will waits: what must survive a disconnect is in the spool.
        properties.SessionExpiryInterval = self._will_delay_s
        if self._told_limit_bytes is not None:
            properties.MaximumPacketSize = self._told_limit_bytes
        if self._persistent is not None:
            properties.SessionExpiryInterval = self._persistent.expiry_s
            properties.MaximumPacketSize = self._persistent.max_packet_bytes
            properties.ReceiveMaximum = self._persistent.receive_maximum
        return {"clean_start": self._persistent is None, "properties": properties}

    def _will_properties(self, will: Will) -> Properties | None:
        if not self._endpoint.is_v5:
            return None
        properties = _properties(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = will.delay_s
        properties.ContentType = will.content_type
        return properties

    def _publish_properties(self, message: Outgoing) -> Properties | None:
        return PackedProperties(packed_properties(message)) if self._endpoint.is_v5 else None


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]  # paho has types elsewhere
