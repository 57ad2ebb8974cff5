"""Read packets for paho: skip a PUBLISH that is too large or broken, confirm QoS 0 by a ping, and be quicker.

The session's own client; nothing else uses it.
"""

from __future__ import annotations

import ssl
from collections import deque
from typing import TYPE_CHECKING

from paho.mqtt import client as paho
from paho.mqtt.client import MQTTMessage, time_func
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties

from edge_node.mqtt.packet_stream import Packet, PacketStream, SkippedPublish, StreamError, skipped_publish
from edge_node.mqtt.packets import unpacked_publish
from edge_node.mqtt.types import Incoming

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_CHUNK_BYTES = 64 * 1024
_PUBLISH, _CONNACK = 0x30, 0x20
_OLD_VERSION_REFUSED = b"\0\1"  # in the form of MQTT 3; brokers that know no other answer MQTT 5 so too
# 0x95 mosquitto sends, though MQTT allows it in DISCONNECT only.
_PLAIN_ANSWERS = {0x00, 0x10, 0x95}


class PahoClient(paho.Client):
    """Handle packets in place of paho's own, slower and less patient way.

    paho ends the connection at a PUBLISH that it cannot decode and collects one of any size; a retained one
    would come again at every connection. mosquitto 2.0 answers an oversize message with PUBACK and reason
    0x95, which MQTT allows in DISCONNECT only; paho takes that for a broken packet and ends the connection,
    and one row would block the link for ever. And for each answer paho makes objects that take longer than
    sending the message did.

    Private names of paho are overridden and used; ``test_paho_client.py`` checks them. Whoever makes a
    client sets its callbacks, as with paho's own.
    """

    on_answer: Callable[[int, int], None] = staticmethod(lambda _mid, _code: None)
    on_incoming: Callable[[Incoming], None] = staticmethod(lambda _message: None)
    on_skipped: Callable[[SkippedPublish], None] = staticmethod(lambda _skipped: None)

    def __init__(self, *arguments: Any, largest_bytes: int, is_v5: bool, **options: Any) -> None:
        """Prepare; ``largest_bytes`` is allowed of a packet, the rest is paho's."""
        super().__init__(*arguments, **options)
        self._stream = PacketStream(largest_bytes)
        self._is_v5 = is_v5
        self._arrived: Incoming | None = None
        self._unconfirmed: list[int] = []  # sent at QoS 0 since the last ping
        self._pinged: deque[list[int]] = deque()  # for each ping without an answer, what was sent before it
        self._heard_s = 0.0
        self.stream_error = ""  # why the bytes that came cannot be read
        self.is_version_refused = False
        self.tls_alert = ""  # with TLS 1.3 a broker refuses our certificate after the handshake
        self.on_message = self._note_arrived

    @property
    def is_skipping(self) -> bool:
        """True while a PUBLISH that is too large comes in; everything else waits behind it."""
        return self._stream.is_skipping

    def confirm_by_ping(self, number: int) -> None:
        """Have ``on_answer`` called for a message at QoS 0 once the broker has answered a later ping.

        A broker reads a connection in order, so its PINGRESP says that it read all that came before.
        """
        self._unconfirmed.append(number)

    def ping_if_needed(self) -> None:
        """Send one ping for all messages that wait for one, unless one is on its way."""
        if self._unconfirmed and not self._pinged:
            self._send_pingreq()

    def _send_pingreq(self) -> MQTTErrorCode:
        result = super()._send_pingreq()
        if result == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._pinged.append(self._unconfirmed)
            self._unconfirmed = []
        return result

    def _handle_pingresp(self) -> MQTTErrorCode:
        result = super()._handle_pingresp()
        if result == MQTTErrorCode.MQTT_ERR_SUCCESS and self._pinged:
            for number in self._pinged.popleft():
                self.on_answer(number, 0)
        return result

    def _check_keepalive(self) -> None:
        """Leave it to paho, unless its ping cannot be answered before a message that is skipped is over."""
        now_s = time_func()
        if not self.is_skipping or now_s - self._heard_s >= self.keepalive:
            super()._check_keepalive()
        elif now_s - self._last_msg_out >= self.keepalive:
            self._send_pingreq()

    def _packet_read(self) -> MQTTErrorCode:
        """Read what there is, up to a chunk, and handle the packets that are complete."""
        try:
            data = self._sock_recv(_CHUNK_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_AGAIN
        except OSError as err:
            self.tls_alert = str(err.reason) if isinstance(err, ssl.SSLError) else ""
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        if not data:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        with self._msgtime_mutex:  # the name in paho 2.2, and in 2.1
            self._heard_s = self._last_bytes_received = self._last_msg_in = time_func()
        try:
            return self._handle_packets(data)
        except StreamError as err:
            self.stream_error = str(err)
            return MQTTErrorCode.MQTT_ERR_PROTOCOL

    def _handle_packets(self, data: bytes) -> MQTTErrorCode:
        for packet in self._stream.packets(data):
            handled = self._handle_whole(packet) if isinstance(packet, Packet) else self._skip(packet)
            if handled != MQTTErrorCode.MQTT_ERR_SUCCESS or self.socket() is None:
                return handled
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_whole(self, packet: Packet) -> MQTTErrorCode:
        length = len(packet.body)
        found = self._in_packet
        found["command"], found["packet"], found["remaining_length"] = packet.first_byte, packet.body, length
        found["to_process"] = found["pos"] = 0
        if packet.first_byte & 0xF0 != _PUBLISH:
            if packet.first_byte == _CONNACK and bytes(packet.body) == _OLD_VERSION_REFUSED:
                version, other = ("5", "3.1.1") if self._is_v5 else ("3.1.1", "5")
                self.is_version_refused = True
                raise StreamError(f'does not know MQTT {version}; set [mqtt] protocol = "{other}"')
            try:
                return self._packet_handle()
            except paho.MalformedPacket:  # type: ignore[attr-defined]  # paho does not list it
                return MQTTErrorCode.MQTT_ERR_PROTOCOL
        return self._handle_whole_publish(packet.first_byte, packet.body)

    def _handle_whole_publish(self, first_byte: int, body: bytearray) -> MQTTErrorCode:
        """Decode a message and pass it on; skip it where it is broken."""
        self._arrived = None
        try:
            result = self._packet_handle()
        except Exception:  # noqa: BLE001  only decoding happens there, and paho's raises what it likes
            result = MQTTErrorCode.MQTT_ERR_PROTOCOL
        if result == MQTTErrorCode.MQTT_ERR_PROTOCOL:
            broken = skipped_publish(first_byte, body, size_bytes=len(body), is_too_large=False, is_over=True)
            self.on_skipped(broken)
            return self._skip(broken)
        if self._arrived is not None:
            self.on_incoming(self._arrived)
        return result

    def _skip(self, skipped: SkippedPublish) -> MQTTErrorCode:
        """Tell of a message that is skipped, and acknowledge it at its end; else it would come again."""
        if not skipped.is_over:
            self.on_skipped(skipped)
        elif skipped.number:
            return self._send_puback(skipped.number)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_publish(self) -> MQTTErrorCode:
        message = self._is_v5 and unpacked_publish(
            self._in_packet["command"], bytes(self._in_packet["packet"])
        )
        if not message:
            return super()._handle_publish()
        self._arrived = message
        if message.qos and not self._manual_ack:
            return self._send_puback(message.number)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _note_arrived(self, _client: paho.Client, _data: Any, message: MQTTMessage) -> None:
        """Take a message that paho decoded."""
        properties = message.properties
        self._arrived = Incoming(
            message.topic,  # raises where it is no UTF-8
            bytes(message.payload),
            bool(message.retain),
            getattr(properties, "CorrelationData", b""),
            tuple(getattr(properties, "UserProperty", ())),
            message.mid,
            message.qos,
        )

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        code = packet[2] if len(packet) > 2 else 0
        if cmd != "PUBACK" or len(packet) < 2 or code not in _PLAIN_ANSWERS:
            return super()._handle_pubackcomp(cmd)
        mid = int.from_bytes(packet[:2], "big")
        self._out_messages.pop(mid, None)
        self.on_answer(mid, code)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


class PackedProperties(Properties):
    """Properties of a PUBLISH that are packed already; paho only asks for their bytes."""

    packed: bytes

    def __init__(self, packed: bytes) -> None:
        # Avoids paho's own constructor, and its ``__setattr__`` too.
        object.__setattr__(self, "packed", packed)

    def pack(self) -> bytes:
        """Return them."""
        return self.packed
