"""Topics that do not work: poisoned by a retained message, closed by the broker's rules."""

from __future__ import annotations

import socket
import time

import pytest
from paho.mqtt import publish as paho_publish

from edge_node.config.delivery_sections import MqttConfig
from edge_node.delivery.link_alarms import LinkAlarms
from edge_node.delivery.publisher import Publisher
from edge_node.delivery.subscriptions import Subscriptions
from edge_node.messages.command import Verb
from edge_node.messages.status import LinkState
from edge_node.mqtt.packet_stream import SkippedPublish
from edge_node.mqtt.types import Granted, Incoming
from edge_node.mqtt.wake import Wake
from tests.support.collector import Collector
from tests.support.processes import wait_for
from tests.support.proxy import Proxy
from tests.support.publishing import TOPICS, alarms, append, seqs, status

PING = f"{TOPICS.base}/cmd/ping"


class Recording:
    """An inbox that keeps what it gets."""

    qos = 1

    def __init__(self, *filters: str) -> None:
        self.filters = filters
        self.got: list[Incoming] = []

    def take(self, message: Incoming) -> None:
        """Keep it."""
        self.got.append(message)


def retain(port: int, topic: str, payload: bytes | None) -> None:
    """Leave a retained message on a topic; None clears it."""
    paho_publish.single(topic, payload, qos=1, retain=True, hostname="127.0.0.1", port=port)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_poisoned_topic_costs_neither_verdicts_nor_commands(mosquitto, spool, protocol) -> None:
    """Retained messages that are too large trickle in at 40 kB/s: one connection, verdicts flow, an alarm."""
    for topic in (f"{TOPICS.base}/cmd/x", TOPICS.pose):
        retain(mosquitto.port, topic, bytes(70_000))
    commands, poses = Recording(TOPICS.commands), Recording(TOPICS.pose)
    with Proxy(mosquitto.port) as proxy, Collector(mosquitto.port, TOPICS.base + "/#") as collector:
        proxy.answers_bytes_per_s = 40_000
        config = MqttConfig(hostname="127.0.0.1", port=proxy.port, protocol=protocol, keep_alive_s=2)
        publisher = Publisher(config, TOPICS, spool, Wake(), inboxes=[commands, poses])
        publisher.set_status(status())
        with publisher:
            wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
            time.sleep(0.5)
            append(spool, 100)  # five windows: answers stand behind what trickles in
            wait_for(lambda: len(seqs(collector)) == 100, 20, what="verdicts")
            assert alarms(publisher) >= {f"skipped:{TOPICS.base}/cmd/x"}
            wait_for(lambda: len(alarms(publisher)) == 2, 20, what="alarms of both topics")
            wait_for(lambda: b"cmd/x is skipped" in collector.of(TOPICS.status)[-1].payload, what="status")
            proxy.answers_bytes_per_s = None
            collector.publish(PING, b"{}")
            wait_for(lambda: commands.got, what="a command after it")
            assert publisher.drain(10)
        assert proxy.connections == 1
        assert seqs(collector) == list(range(1, 101))


def test_a_broker_that_ignores_our_limit_or_sends_broken_messages_is_read_on(spool) -> None:
    """MQTT 5: too large, no UTF-8, topic beyond the end, QoS 3, broken properties: skipped, acknowledged."""
    inbox = Recording(PING)
    with socket.create_server(("127.0.0.1", 0)) as broker:
        config = MqttConfig(hostname="127.0.0.1", port=broker.getsockname()[1])
        with Publisher(config, TOPICS, spool, Wake(), inboxes=[inbox]) as publisher:
            connection, _ = broker.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(bytes([0x20, 0x03, 0x00, 0x00, 0x00]))
                large = b"\0\1L\0\x09\0" + bytes(99_994)
                connection.sendall(bytes([0x33, 0xA0, 0x8D, 0x06]) + large)
                for broken in (b"\0\1\xff\0", b"\xff\xffa", b"\0\1P\x02\x99\x99", b""):
                    connection.sendall(bytes([0x31, len(broken)]) + broken)
                connection.sendall(b"\x37\x05\0\1Q\0\1")
                ping = len(PING).to_bytes(2, "big") + PING.encode() + b"\0"
                connection.sendall(bytes([0x30, len(ping) + 2]) + ping + b"{}")
                wait_for(lambda: inbox.got, what="the good message after them")
                assert publisher.link is LinkState.CONNECTED
                connection.settimeout(5)
                answered = b""
                while b"\x40\x02\0\x09" not in answered:  # PUBACK of the large one
                    answered += connection.recv(4096)
    assert "skipped:L" in alarms(publisher)
    assert {"skipped:P", "skipped"} <= alarms(publisher)  # each has its own, up to five


def test_a_topic_that_was_cleared_loses_its_alarm_at_the_next_connection() -> None:
    """An alarm that stays for ever is not looked at; what comes again keeps it."""
    link_alarms = LinkAlarms()
    subscriptions = Subscriptions([], TOPICS, link_alarms)
    session = NoSession()
    for topic in ("a", "b", "c", "d", "e", "f\n", "g"):
        subscriptions.skipped(SkippedPublish(topic, 70_000, True, 0, False))
    codes = {alarm.code for alarm in link_alarms.active}
    assert codes == {"skipped", *(f"skipped:{topic}" for topic in "abcde")}
    subscriptions.begin(session, Granted())  # type: ignore[arg-type]
    subscriptions.skipped(SkippedPublish("b", 70_000, True, 0, False))
    subscriptions.connection_holds(29.0)
    assert {alarm.code for alarm in link_alarms.active} == codes
    subscriptions.connection_holds(31.0)
    assert {alarm.code for alarm in link_alarms.active} == {"skipped:b"}


class Choosy(Recording):
    """An inbox that reads small messages and has a fault."""

    largest_bytes = 10

    def take(self, message: Incoming) -> None:
        """Fail at the word of a fault."""
        super().take(message)
        if message.payload == b"fault":
            raise RuntimeError("a bug behind the inbox")


def test_a_retained_message_that_an_inbox_cannot_read_is_named_and_ends_nothing() -> None:
    """Larger than messages of its topic, or one at which our own code fails: it would come again for ever."""
    link_alarms, inbox = LinkAlarms(), Choosy("a", "b")
    subscriptions = Subscriptions([inbox], TOPICS, link_alarms)
    subscriptions.received(Incoming("a", bytes(11), is_retained=True))
    subscriptions.received(Incoming("b", b"fault", is_retained=True))
    subscriptions.received(Incoming("b", b"good", is_retained=False))
    assert [message.payload for message in inbox.got] == [b"fault", b"good"]
    assert {alarm.code for alarm in link_alarms.active} == {"skipped:a", "skipped:b"}
    assert "11 bytes, read are at most 10" in link_alarms.active[0].text
    with pytest.raises(RuntimeError):  # one that does not come again is told as any fault of ours
        subscriptions.received(Incoming("b", b"fault", is_retained=False))


class NoSession:
    """Keeps the filters that are subscribed to."""

    def __init__(self) -> None:
        self.filters: list[str] = []

    def subscribe(self, filters: list[str], _qos: int = 1) -> None:
        """Note them."""
        self.filters += filters


def test_without_wildcards_each_verb_is_subscribed_to() -> None:
    """Whether the broker said so in CONNACK, refuses the filter with its reason, or without one."""
    verbs = [f"{TOPICS.base}/cmd/{verb.value}" for verb in Verb]
    for granted, code in ((Granted(wildcards=False), None), (Granted(), 0xA2), (Granted(), 0x80)):
        session, link_alarms = NoSession(), LinkAlarms()
        subscriptions = Subscriptions([Recording(TOPICS.commands, TOPICS.pose)], TOPICS, link_alarms)
        subscriptions.begin(session, granted)  # type: ignore[arg-type]
        if code is not None:
            subscriptions.denied(TOPICS.commands, code)
        assert set(verbs) <= set(session.filters)
        assert not link_alarms.active
        subscriptions.denied(verbs[0], 0x87)
        (alarm,) = link_alarms.active
        assert "not authorized (135); what is sent there does not arrive" in alarm.text


def test_a_subscription_that_the_broker_forbids_does_not_cost_the_link(spool) -> None:
    """Without the right to read commands the node goes on and says so."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        config = MqttConfig(hostname="127.0.0.1", port=broker.getsockname()[1])
        inbox = Recording(TOPICS.commands)
        with Publisher(config, TOPICS, spool, Wake(), inboxes=[inbox]) as publisher:
            connection, _ = broker.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(bytes([0x20, 0x03, 0x00, 0x00, 0x00]))
                connection.settimeout(5)
                subscribe = connection.recv(4096)
                assert subscribe[0] == 0x82
                connection.sendall(bytes([0x90, 4, *subscribe[2:4], 0, 0x87]))
                wait_for(lambda: alarms(publisher), what="alarm")
                assert alarms(publisher) == {f"not_subscribed:{TOPICS.commands}"}
                assert publisher.link is LinkState.CONNECTED
