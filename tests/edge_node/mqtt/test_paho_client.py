"""The names of paho that are private and that our session overrides or reads: there, and called."""

from __future__ import annotations

import ast
import inspect
import time
from typing import TYPE_CHECKING

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_node.mqtt import paho_client, session
from edge_node.mqtt.paho_client import PahoClient

if TYPE_CHECKING:
    from edge_node.mqtt.types import Incoming

PRIVATE = {
    # overridden
    *("_handle_publish", "_handle_pubackcomp", "_handle_pingresp", "_send_pingreq"),
    *("_packet_read", "_check_keepalive"),
    *("_sock_recv", "_packet_handle", "_send_puback"),  # called
    *("_in_packet", "_msgtime_mutex", "_manual_ack", "_out_messages", "_last_msg_out"),  # read
}
HEARD = {"_last_bytes_received", "_last_msg_in"}  # the second is what paho 2.1 calls the first
OURS = {
    *("_stream", "_is_v5", "_arrived", "_unconfirmed", "_pinged", "_heard_s"),
    *("_handle_packets", "_handle_whole", "_handle_whole_publish", "_skip", "_note_arrived"),
}
MORE_THAN_BROKERS_ALLOW_IN_FLIGHT = 100  # mosquitto sends 20 before it waits for an answer


def test_these_are_all_the_private_names_that_are_used() -> None:
    """Whoever uses one more adds it here, and below."""
    used = set()
    for module in (session, paho_client):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if not isinstance(node, ast.ClassDef):
                continue
            for inner in ast.walk(node):
                if isinstance(inner, ast.FunctionDef) and node.name == "PahoClient" and inner.name[1] != "_":
                    used |= {inner.name} if hasattr(Client, inner.name) else set()
                if isinstance(inner, ast.Attribute) and inner.attr.startswith("_") and inner.attr[1] != "_":
                    is_paho = node.name == "PahoClient" or ast.unparse(inner.value) == "self._client"
                    used |= {inner.attr} if is_paho else set()
    assert used - OURS == PRIVATE | HEARD
    assert not {name for name in OURS if hasattr(Client, name)}


def test_they_are_what_they_were_in_the_installed_paho() -> None:
    """A name that a new paho renames would leave an override that nobody calls, and nobody would notice."""
    plain = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True)
    assert {name for name in PRIVATE if hasattr(plain, name)} == PRIVATE
    assert list(inspect.signature(Client._handle_publish).parameters) == ["self"]
    assert list(inspect.signature(Client._handle_pubackcomp).parameters) == ["self", "cmd"]
    assert any(hasattr(plain, name) for name in HEARD)
    for name in ("_handle_pingresp", "_send_pingreq", "_packet_read", "_check_keepalive", "_packet_handle"):
        assert list(inspect.signature(getattr(Client, name)).parameters) == ["self"]
    assert list(inspect.signature(Client._sock_recv).parameters) == ["self", "bufsize"]
    assert list(inspect.signature(Client._send_puback).parameters) == ["self", "mid"]
    assert {"command", "packet", "remaining_length", "to_process", "pos"} <= set(plain._in_packet)
    assert plain._manual_ack is True
    assert len(plain._out_messages) == 0
    with plain._msgtime_mutex:
        pass


def test_paho_calls_the_overrides_for_messages_over_a_real_broker(mosquitto) -> None:
    """Messages and answers come through our shortcuts, not through paho's callbacks, and are acknowledged."""
    came: list[Incoming] = []
    answers: dict[int, int] = {}
    paho_callbacks: list[str] = []
    client = PahoClient(
        CallbackAPIVersion.VERSION2,
        client_id="contract",
        protocol=MQTTProtocolVersion.MQTTv5,
        largest_bytes=1000,
        is_v5=True,
    )
    client.max_inflight_messages_set(0)
    client.on_incoming = came.append
    client.on_answer = answers.__setitem__
    client.on_message = lambda *_: paho_callbacks.append("on_message")  # only what paho decodes
    client.on_publish = lambda *_: paho_callbacks.append("on_publish")
    client.connect("127.0.0.1", mosquitto.port)

    def loop_until(condition) -> None:
        deadline_s = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline_s, "paho did not get there"
            client.loop(0.05)

    loop_until(client.is_connected)
    client.subscribe("contract", 1)
    sent = []
    for number in range(MORE_THAN_BROKERS_ALLOW_IN_FLIGHT):
        sent.append(client.publish("contract", b"%d" % number, 1).mid)
        assert sent[-1] in client._out_messages
    # All of them come only if each is acknowledged by ``_send_puback``.
    loop_until(lambda: len(came) == len(answers) == MORE_THAN_BROKERS_ALLOW_IN_FLIGHT)
    client.disconnect()
    assert [int(message.payload) for message in came] == list(range(MORE_THAN_BROKERS_ALLOW_IN_FLIGHT))
    assert set(answers) == set(sent)
    assert not client._out_messages
    assert paho_callbacks == []
