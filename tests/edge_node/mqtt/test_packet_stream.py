"""The stream of packets: whatever pieces it comes in, what is too large is named and discarded."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.mqtt.packet_stream import Packet, PacketStream, SkippedPublish, StreamError

LARGEST = 300


def packet(first_byte: int, body: bytes) -> bytes:
    """A packet as it goes over the wire."""
    length, prefix = len(body), bytearray()
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([first_byte, *prefix, length]) + body


def publish(topic: bytes, payload: bytes, number: int = 0) -> bytes:
    """A PUBLISH of MQTT 3.1.1, at QoS 1 if it has a number."""
    numbered = number.to_bytes(2, "big") if number else b""
    return packet(0x33 if number else 0x31, len(topic).to_bytes(2, "big") + topic + numbered + payload)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.lists(st.integers(0, 2 * LARGEST), max_size=6))
def test_whole_packets_come_out_in_order_in_whatever_pieces(data: st.DataObject, sizes: list[int]) -> None:
    """Cut anywhere, also within a header: the same packets, the large ones skipped and named once."""
    wire = b"".join(publish(b"t/%d" % place, bytes(size), 7) for place, size in enumerate(sizes))
    wire += packet(0xD0, b"")
    stream, found, at = PacketStream(LARGEST), [], 0
    while at < len(wire):
        step = data.draw(st.integers(1, LARGEST))
        found += stream.packets(wire[at : at + step])
        at += step
    assert isinstance(found[-1], Packet)
    assert found[-1].first_byte == 0xD0
    topics = [one.topic for one in found if isinstance(one, SkippedPublish) and not one.is_over]
    overs = [one for one in found if isinstance(one, SkippedPublish) and one.is_over]
    large = [place for place, size in enumerate(sizes) if size + 7 > LARGEST]
    assert topics == [one.topic for one in overs] == [f"t/{place}" for place in large]
    assert all(one.number == 7 for one in overs)
    assert len([one for one in found if isinstance(one, Packet)]) == len(sizes) - len(large) + 1
    assert not stream.is_skipping


def test_a_large_message_is_named_at_its_beginning_and_costs_no_memory() -> None:
    """The topic is known after some bytes; 5 MB that follow are not kept."""
    wire = publish(b"corrosion/v1/s/r/cmd/x", bytes(5_000_000))
    stream = PacketStream(LARGEST)
    (begun,) = stream.packets(wire[:100])
    assert isinstance(begun, SkippedPublish)
    assert begun.topic == "corrosion/v1/s/r/cmd/x"
    assert "5000024 bytes, too large" in begun.text
    assert stream.is_skipping
    for at in range(100, len(wire) - 1, 4096):
        assert not list(stream.packets(wire[at : min(at + 4096, len(wire) - 1)]))
        assert sys.getsizeof(stream._buffer) < 10_000
    (over,) = stream.packets(wire[-1:])
    assert isinstance(over, SkippedPublish)
    assert over.is_over


def test_a_topic_that_is_longer_than_its_packet_or_no_text_is_named_as_far_as_it_goes() -> None:
    """A broken beginning is no reason to stop reading what follows."""
    stream = PacketStream(LARGEST)
    broken = packet(0x30, b"\xff\xff" + b"\xfe\0" * LARGEST)
    found = list(stream.packets(broken + packet(0xD0, b"")))
    assert [type(one) for one in found] == [SkippedPublish, SkippedPublish, Packet]
    assert found[0].topic.startswith("\\xfe")
    assert "\0" not in found[0].text


def test_what_cannot_be_skipped_ends_the_connection() -> None:
    """Another kind of packet that is too large, and a length that never ends."""
    with pytest.raises(StreamError, match="sends 400 bytes, allowed 300"):
        list(PacketStream(LARGEST).packets(packet(0x90, bytes(400))))
    with pytest.raises(StreamError, match="not MQTT"):
        list(PacketStream(LARGEST).packets(b"\x30\xff\xff\xff\xff\x01"))
