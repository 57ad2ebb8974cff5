"""The bytes that go over the wire are those that the reference client would send, and are read as it does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_node.mqtt.packets import packed_properties, unpacked_publish
from edge_node.mqtt.types import Incoming, Outgoing

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=60)


@settings(max_examples=150, deadline=None)
@given(TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=8), st.binary(max_size=40), TEXT)
def test_properties_are_packed_as_paho_packs_them(
    content_type: str, user: list[tuple[str, str]], correlation: bytes, response_topic: str
) -> None:
    """Every property that we send, in paho's order, with a length of 1 or 2 bytes."""
    theirs = Properties(PacketTypes.PUBLISH)
    theirs.ContentType = content_type
    if response_topic:
        theirs.ResponseTopic = response_topic
    if correlation:
        theirs.CorrelationData = correlation
    if user:
        theirs.UserProperty = user
    message = Outgoing(
        "t",
        b"",
        user=tuple(user),
        correlation=correlation,
        content_type=content_type,
        response_topic=response_topic,
    )
    assert packed_properties(message) == theirs.pack()
    assert len(packed_properties(message)) <= message.size_bytes


def test_what_mqtt_cannot_say_is_refused() -> None:
    """A length is two bytes; more would be read as other properties."""
    with pytest.raises(ValueError, match="allowed are 65535"):
        packed_properties(Outgoing("t", b"", user=(("key", "x" * 65_536),)))


def publish(topic: str, number: int, properties: bytes, payload: bytes) -> bytes:
    """All of a PUBLISH at QoS 1 that follows the fixed header."""
    name = topic.encode()
    return len(name).to_bytes(2, "big") + name + number.to_bytes(2, "big") + properties + payload


@settings(max_examples=150, deadline=None)
@given(TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=8), st.binary(max_size=40), st.binary(max_size=40))
def test_what_we_send_is_read_as_it_was_sent(
    content_type: str, user: list[tuple[str, str]], correlation: bytes, payload: bytes
) -> None:
    """Every property but the response topic; with U+FEFF, which MQTT forbids, it is left to paho."""
    sent = Outgoing("t", b"", user=tuple(user), correlation=correlation, content_type=content_type)
    packet = publish("site/robot", 77, packed_properties(sent), payload)
    read = unpacked_publish(0x33, packet)
    if "\ufeff" in content_type + "".join(key + value for key, value in user):
        assert read is None
    else:
        assert read == Incoming("site/robot", payload, True, correlation, tuple(user), 77, 1)
    assert unpacked_publish(0x31, packet[:12] + packet[14:]) == (
        read and Incoming("site/robot", payload, True, correlation, tuple(user))
    )


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_broken_packets_are_left_to_paho(data: st.DataObject) -> None:
    """Bytes changed, cut or made up: never an exception; what is read is what paho reads of it."""
    sent = Outgoing("t", b"", user=(("id", "r:e:1"), ("replayed", "true")), correlation=b"12")
    packet = bytearray(publish("a/b", 5, packed_properties(sent), b"{}"))
    for _ in range(data.draw(st.integers(0, 3))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    packet = packet[: data.draw(st.integers(0, len(packet)))]
    read = unpacked_publish(0x32, bytes(packet))
    if read is not None:
        head = 2 + len(read.topic.encode()) + 2
        theirs = Properties(PacketTypes.PUBLISH)
        _, taken = theirs.unpack(bytes(packet[head:]))
        assert read.payload == bytes(packet[head + taken :])
        assert read.user == tuple(getattr(theirs, "UserProperty", ()))
        assert read.correlation == getattr(theirs, "CorrelationData", b"")


def test_other_kinds_of_publish_are_left_to_paho() -> None:
    """QoS 2, a topic that is only an alias, a property that robots do not use: none of ours."""
    plain = publish("a", 1, b"\0", b"x")
    assert unpacked_publish(0x32, plain) is not None
    assert unpacked_publish(0x34, plain) is None
    assert unpacked_publish(0x32, publish("", 1, b"\x03\x23\0\1", b"x")) is None
    assert unpacked_publish(0x32, publish("a", 1, b"\x05\x02\0\0\0\1", b"x")) is None
    assert unpacked_publish(0x32, b"") is None
