"""The bytes that go over the wire are those that the reference client would send."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_node.mqtt_types import Outgoing, packed_properties

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
