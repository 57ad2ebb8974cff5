"""Open one MQTT connection, send and receive over it, close it: the only importer of paho.

A session belongs to one thread, runs in that thread and never reconnects: a new connection is a new
session with a new client, so nothing that paho remembers can be sent twice, and an exception in a
callback surfaces in ``poll`` instead of ending a thread that nobody watches.
"""

from __future__ import annotations

import select
import ssl
import time
from typing import TYPE_CHECKING

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_node.mqtt.packets import packed_properties, unpacked_publish
from edge_node.mqtt.types import Endpoint, Granted, Incoming, LinkError, Outgoing, PersistentSession, Will

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from paho.mqtt.reasoncodes import ReasonCode

    from edge_node.mqtt.wake import Wake


CONNECT_TIMEOUT_S = 10.0  # a satellite link answers in 2 s
MAX_INCOMING_BYTES = 64 * 1024  # of a robot: commands are 4 KiB at most; a broker may still send more
_RECEIVE_MAXIMUM = 65_535  # of a broker that names none
# 0x95 mosquitto sends, though MQTT allows it in DISCONNECT only.
_PLAIN_ANSWERS = {0x00, 0x10, 0x95}
_REFUSALS = {0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x9D}  # version, client id, credentials, ban, method, moved


class _Client(paho.Client):
    """Handle the usual PUBLISH and PUBACK packets without paho's own, slower way.

    mosquitto 2.0 answers an oversize message with PUBACK and reason 0x95, which MQTT allows in DISCONNECT
    only; paho takes that for a broken packet and ends the connection, and one row would block the link for
    ever. And for each answer paho makes objects that take longer than sending the message did.

    Seven private names of paho are overridden or used; ``test_paho_contract.py`` checks them.
    """

    on_answer: Callable[[int, int], None] = staticmethod(lambda _mid, _code: None)
    on_plain_publish: Callable[[Incoming], None] | None = None  # of MQTT v5

    def _handle_publish(self) -> MQTTErrorCode:
        callback = self.on_plain_publish
        message = callback and unpacked_publish(self._in_packet["command"], bytes(self._in_packet["packet"]))
        if not callback or not message:
            return super()._handle_publish()
        with self._in_callback_mutex:
            callback(message)
        if message.qos and not self._manual_ack:
            return self._send_puback(message.number)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        code = packet[2] if len(packet) > 2 else 0
        if cmd != "PUBACK" or len(packet) < 2 or code not in _PLAIN_ANSWERS:
            return super()._handle_pubackcomp(cmd)
        mid = int.from_bytes(packet[:2], "big")
        self._out_messages.pop(mid, None)
        self.on_answer(mid, code)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


class _PackedProperties(Properties):
    """Properties of a PUBLISH that are packed already; paho only asks for their bytes."""

    packed: bytes

    def __init__(self, packed: bytes) -> None:
        # Avoids paho's own constructor, and its ``__setattr__`` too.
        object.__setattr__(self, "packed", packed)

    def pack(self) -> bytes:
        return self.packed


class Session:
    """One connection; every method belongs to the thread that made it."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        will: Will | None = None,
        persistent: PersistentSession | None = None,
        on_acknowledged: Callable[[int, int], None] = lambda _mid, _code: None,
        on_message: Callable[[Incoming], None] = lambda _message: None,
    ) -> None:
        """Prepare a connection.

        Args:
            endpoint: where to.
            will: published by the broker when the link is lost.
            persistent: the broker keeps the session, and each message until ``acknowledge`` (v5).
            on_acknowledged: called in ``poll`` with what ``publish`` returned and the reason code.
            on_message: called in ``poll``.
        """
        self._endpoint = endpoint
        self._on_acknowledged = on_acknowledged
        self._on_message = on_message
        self._granted: Granted | None = None
        self._ended: LinkError | None = None
        self._will_delay_s = will.delay_s if will else 0
        self._persistent = persistent
        protocol = MQTTProtocolVersion.MQTTv5 if endpoint.is_v5 else MQTTProtocolVersion.MQTTv311
        self._client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=endpoint.client_id,
            protocol=protocol,
            clean_session=None if endpoint.is_v5 else True,
            reconnect_on_failure=False,
            manual_ack=persistent is not None,
        )
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.max_inflight_messages_set(0)  # the window is the publisher's
        if endpoint.tls is not None:
            self._client.tls_set_context(endpoint.tls)
        if endpoint.username is not None:
            self._client.username_pw_set(endpoint.username, endpoint.password)
        if will is not None:
            self._client.will_set(will.topic, will.payload, 1, will.retain, self._will_properties(will))
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_publish = self._acknowledged
        self._client.on_answer = on_acknowledged
        self._client.on_plain_publish = on_message if endpoint.is_v5 else None
        self._client.on_message = self._received

    @property
    def can_write(self) -> bool:
        """False while the link is so slow that sent messages still wait in this process."""
        return not self._client.want_write()

    def open(self, wake: Wake | None = None, stop: Callable[[], bool] = lambda: False) -> Granted:
        """Connect, wait for the broker's answer and return what it allows.

        Raises:
            LinkError: nobody is there, or we are refused.
        """
        where = self._endpoint.where
        try:
            self._client.connect(
                self._endpoint.hostname,
                self._endpoint.port,
                keepalive=self._endpoint.keep_alive_s,
                **self._connect_options(),
            )
        except ssl.SSLCertVerificationError as err:
            raise LinkError(
                f"{where}: its certificate is not accepted ({err.verify_message});"
                " see [mqtt] ca_file and hostname",
                refused=True,
            ) from err
        except ssl.SSLError as err:
            raise LinkError(f"{where}: no TLS ({err.reason or err}); see [mqtt] port and tls") from err
        except (OSError, ValueError) as err:
            raise LinkError(f"{where}: {getattr(err, 'strerror', None) or err}") from err
        deadline_s = time.monotonic() + CONNECT_TIMEOUT_S
        while self._granted is None:
            if time.monotonic() > deadline_s or stop():
                raise LinkError(f"{where}: accepts the connection, but does not answer CONNECT")
            self.poll(0.2, wake)
        return self._granted

    def publish(self, message: Outgoing) -> int:
        """Send a message and return its number on this connection.

        Raises:
            LinkError: the link is lost.
        """
        properties = self._publish_properties(message)
        sent = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        if sent.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            raise self._lost()
        return sent.mid

    def subscribe(self, filters: Sequence[str], qos: int = 1) -> None:
        """Ask for messages; a broker may grant a subscription and deliver nothing."""
        if filters:
            self._client.subscribe([(name, qos) for name in filters])

    def acknowledge(self, message: Incoming) -> None:
        """Let the broker forget a message of a ``persistent`` session; else it comes again."""
        if message.qos:
            self._client.ack(message.number, message.qos)

    def poll(self, timeout_s: float, wake: Wake | None = None) -> None:
        """Wait for something to happen on the link, or for ``wake`` to be set, and deal with it.

        Raises:
            LinkError: the link is lost.
        """
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

    def close(self, timeout_s: float = 0.5) -> None:
        """Send DISCONNECT, so that the broker drops the will, and close; never raises."""
        self._client.on_disconnect = None
        try:
            self._client.disconnect()
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
        # paho has no bound of its own on what it collects, and no public view of it.
        announced = self._client._in_packet["remaining_length"]  # noqa: SLF001  see above
        allowed = self._persistent.max_packet_bytes if self._persistent else MAX_INCOMING_BYTES
        if announced > allowed:
            self.abandon()
            raise LinkError(f"{self._endpoint.where}: sends {announced} bytes, allowed {allowed}")

    def _lost(self) -> LinkError:
        if self._ended is not None:
            return self._ended
        if self._granted is None:
            return LinkError(
                f"{self._endpoint.where}: closed the connection before it answered;"
                " does it want TLS, or a certificate?"
            )
        return LinkError(f"{self._endpoint.where}: connection lost")

    def _connected(
        self, _client: paho.Client, _data: Any, flags: Any, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            refused = code.value in _REFUSALS
            text = f"{self._endpoint.where}: refuses us: {code.getName()} ({code.value})"
            self._ended = LinkError(text, code=code.value, refused=refused)
            return
        if getattr(properties, "MaximumQoS", 1) == 0:
            self._ended = LinkError(
                f"{self._endpoint.where}: takes no QoS 1, so it cannot be used", refused=True
            )
            return
        self._granted = Granted(
            getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM),
            getattr(properties, "MaximumPacketSize", None),
            bool(flags.session_present),
        )

    def _disconnected(
        self, _client: paho.Client, _data: Any, flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        if self._ended is None and self._granted is not None:
            has_reason = flags.is_disconnect_packet_from_server
            text = f"says {code.getName()} ({code.value})" if has_reason else "connection lost"
            self._ended = LinkError(
                f"{self._endpoint.where}: {text}", code=code.value if has_reason else None
            )

    def _acknowledged(
        self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _properties: Any
    ) -> None:
        self._on_acknowledged(mid, code.value)

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        properties = message.properties
        try:
            topic = message.topic
        except UnicodeDecodeError:  # no topic of ours
            self._client.ack(message.mid, message.qos)
            return
        self._on_message(
            Incoming(
                topic,
                bytes(message.payload),
                bool(message.retain),
                getattr(properties, "CorrelationData", b""),
                tuple(getattr(properties, "UserProperty", ())),
                message.mid,
                message.qos,
            )
        )

    def _connect_options(self) -> dict[str, Any]:
        if not self._endpoint.is_v5:
            return {}
        properties = _properties(PacketTypes.CONNECT)
        # Only as long as the will waits: what must survive a disconnect is in the spool.
        properties.SessionExpiryInterval = self._will_delay_s
        properties.MaximumPacketSize = MAX_INCOMING_BYTES
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
        return _PackedProperties(packed_properties(message)) if self._endpoint.is_v5 else None


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]  # paho has types elsewhere
