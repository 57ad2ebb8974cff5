"""The publisher against a real mosquitto: what arrives, what is told, and how it ends."""

from __future__ import annotations

import logging
import resource
import socket
import socketserver
import time
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig
from edge_node.delivery.publisher import Publisher
from edge_node.messages.status import LinkState, Status
from edge_node.messages.topics import Kind
from edge_node.mqtt.packet_stream import PacketStream
from edge_node.mqtt.types import Outgoing
from edge_node.mqtt.wake import Wake
from tests.support.collector import Collector
from tests.support.processes import Mosquitto, free_port, wait_for
from tests.support.proxy import Proxy
from tests.support.publishing import TOPICS, alarms, append, seqs, status
from tests.support.tcp_server import TcpServer

if TYPE_CHECKING:
    from edge_node.mqtt.types import Incoming
    from edge_node.spool.rows import Row


def test_rows_arrive_once_in_order_and_leave_the_spool(mosquitto, spool, publish) -> None:
    """Everything arrives once, in order, with the CloudEvents attributes, and the spool is empty after."""
    with Collector(mosquitto.port) as collector:
        publisher = publish(mosquitto.port)
        append(spool, 300)
        append(spool, 2, Kind.FINDING)
        assert publisher.drain(10)
        wait_for(lambda: len(seqs(collector)) >= 300, what="delivery")
        assert seqs(collector) == list(range(1, 301))
        assert seqs(collector, TOPICS.finding) == [1, 2]
        first = collector.of(TOPICS.verdict)[0]
        assert first.user["id"] == f"robot:{spool.epoch}:1"
        assert first.user["specversion"] == "1.0"
        assert spool.depth().waiting == 0


def test_a_broker_that_was_never_there_is_waited_for(tmp_path, spool, publish) -> None:
    """The node starts without a broker and delivers, marked as replayed, when one appears."""
    broker = Mosquitto(tmp_path)
    publisher = publish(broker.port, require_subscriber=True)
    append(spool, 5)
    assert not publisher.drain(0.5)
    assert publisher.link is LinkState.CONNECTING
    broker.start()
    with Collector(broker.port) as collector:
        assert publisher.drain(20)
        wait_for(lambda: seqs(collector) == [1, 2, 3, 4, 5], what="delivery")
        assert all(message.replayed for message in collector.of(TOPICS.verdict))
    publisher.stop()
    broker.kill()


def test_stopping_is_bounded_whatever_the_broker_does(spool) -> None:
    """A broker that accepts the connection and says nothing cannot hold up a shutdown."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        publisher = Publisher(
            MqttConfig(hostname="127.0.0.1", port=silent.getsockname()[1]), TOPICS, spool, Wake()
        )
        publisher.start()
        append(spool, 10)
        time.sleep(0.3)
        began_s = time.monotonic()
        publisher.stop(timeout_s=1.0)
        assert time.monotonic() - began_s < 2.0
    assert spool.depth().waiting == 10


def test_stopping_with_the_answers_missing_leaves_the_rows_in_the_spool(mosquitto, spool, publish) -> None:
    """What was sent and not answered is not given up at a stop, and the stop is bounded."""
    with Proxy(mosquitto.port) as proxy:
        publisher = publish(proxy.port)
        wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
        proxy.swallow_answers = True
        append(spool, 5)
        time.sleep(0.2)
        began_s = time.monotonic()
        publisher.stop(timeout_s=1.0)
        assert time.monotonic() - began_s < 2.0
        assert spool.depth().waiting == 5


def test_version_3_1_1_delivers_and_says_its_weaker_promise_once(mosquitto, spool, publish, caplog) -> None:
    """Brokers that have nothing else are served; that refusals are not seen is logged, once."""
    caplog.set_level(logging.INFO)
    with Collector(mosquitto.port) as collector:
        publisher = publish(mosquitto.port, protocol="3.1.1")
        publisher.set_status(status())
        append(spool, 40)
        assert publisher.drain(10)
        wait_for(lambda: seqs(collector) == list(range(1, 41)), what="delivery")
        assert collector.messages[0].user == {}
    assert caplog.text.count("3.1.1 cannot say that a message was refused") == 1


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("retain_available false", "no retained messages"),
        ("retain_available false\nmax_qos 0", "no retained messages and QoS 0 only"),
    ],
)
def test_a_broker_that_keeps_less_is_served_and_that_is_said(
    tmp_path, spool, publish, *, protocol: str, extra: str, said: str
) -> None:
    """Without retained messages, with QoS 0 only, or both: verdicts arrive, status says what is missing."""
    broker = Mosquitto(tmp_path, f"{extra}\n")
    broker.start()
    with Collector(broker.port) as collector:
        publisher = publish(broker.port, protocol=protocol)
        publisher.set_status(status())
        append(spool, 50)
        wait_for(lambda: said in publisher.link_text, 30, what="what is said of the broker")
        assert publisher.drain(10)
        wait_for(lambda: set(seqs(collector)) == set(range(1, 51)), what="delivery")
        wait_for(lambda: said.encode() in collector.of(TOPICS.status)[-1].payload, what="status")
        assert publisher.link is LinkState.CONNECTED
        assert (publisher.at_qos_0 >= 50) == ("max_qos" in extra)
    publisher.stop()
    broker.kill()


def test_at_qos_0_a_row_leaves_the_spool_only_when_the_broker_has_read_it(tmp_path, spool, publish) -> None:
    """A ping that is answered says so: written into a socket that is cut is not delivered."""
    broker = Mosquitto(tmp_path, "max_qos 0\n")
    broker.start()
    with Proxy(broker.port) as proxy, Collector(broker.port) as collector:
        publisher = publish(proxy.port, window=10)
        wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
        proxy.swallow_answers = True
        append(spool, 30)
        wait_for(lambda: seqs(collector) == list(range(1, 11)), what="one window")
        assert spool.depth().waiting == 30
        proxy.swallow_answers = False
        proxy.cut()
        assert publisher.drain(10)
        wait_for(lambda: set(seqs(collector)) == set(range(1, 31)), what="delivery")
        assert len(seqs(collector)) <= 40
    publisher.stop()
    broker.kill()


def test_health_is_not_kept_for_later(mosquitto, spool, publish) -> None:
    """Health of an hour ago helps nobody: it is sent when the link is there, and dropped when not."""
    away = publish(free_port())
    away.publish_health(b'{"n": 1}')
    away.stop()
    with Collector(mosquitto.port) as collector:
        publisher = publish(mosquitto.port)
        wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
        publisher.publish_health(b'{"n": 2}')
        wait_for(lambda: collector.of(TOPICS.health), what="health")
        assert [message.payload for message in collector.of(TOPICS.health)] == [b'{"n": 2}']


def test_a_giant_packet_from_the_broker_is_discarded_as_it_comes(spool, publish) -> None:
    """A broker that announces 256 MB: the topic is named before they are there, nothing is collected."""
    with socket.create_server(("127.0.0.1", 0)) as hostile:
        publisher = publish(hostile.getsockname()[1])
        connection, _ = hostile.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(bytes([0x20, 0x03, 0x00, 0x00, 0x00]))  # CONNACK, v5, success
            wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
            connection.sendall(bytes([0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1]) + b"x")
            wait_for(lambda: alarms(publisher) == {"skipped:x"}, what="alarm")
            before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for _ in range(64):
                connection.sendall(bytes(1_000_000))
            assert publisher.link is LinkState.CONNECTED
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 20_000


class BrokenInbox:
    """Raises at whatever comes."""

    filters = (TOPICS.commands,)
    qos = 1

    def __init__(self) -> None:
        self.calls = 0

    def take(self, _message: object) -> None:
        """Raise, as a bug would."""
        self.calls += 1
        raise RuntimeError("a bug behind the callback")


def test_a_callback_that_raises_is_seen_and_the_link_comes_back(mosquitto, spool) -> None:
    """In paho's own loop the thread would die and the client go on saying connected."""
    inbox = BrokenInbox()
    config = MqttConfig(hostname="127.0.0.1", port=mosquitto.port, window=1)
    publisher = Publisher(config, TOPICS, spool, Wake(), inboxes=[inbox])
    publisher.set_status(status())
    with Collector(mosquitto.port) as collector:
        publisher.start()
        wait_for(lambda: collector.of(TOPICS.status), what="connection")
        collector.publish(f"{TOPICS.base}/cmd/ping", b"x")
        wait_for(lambda: "publisher_error" in alarms(publisher), what="alarm")
        append(spool, 3)
        assert publisher.drain(10)
        wait_for(
            lambda: any(b"publisher_error" in m.payload for m in collector.of(TOPICS.status)), what="word"
        )
        assert inbox.calls == 1
    publisher.stop()


class Receiver:
    """An inbox that keeps the topics of what it gets."""

    def __init__(self, *filters: str, qos: int) -> None:
        self.filters = filters
        self.qos = qos
        self.got: list[str] = []

    def take(self, message: Incoming) -> None:
        """Keep the topic."""
        self.got.append(message.topic)


def test_each_message_goes_to_the_first_inbox_whose_filter_matches(mosquitto, spool) -> None:
    """Whatever its QoS and however many filters it has; after a reconnect all are subscribed to again."""
    one, two = Receiver("nav/pose", qos=0), Receiver("nav/+", "other/#", qos=1)
    with Proxy(mosquitto.port) as proxy, Collector(mosquitto.port, "nothing") as sender:
        config = MqttConfig(hostname="127.0.0.1", port=proxy.port)
        with Publisher(config, TOPICS, spool, Wake(), inboxes=[one, two]) as publisher:
            for _ in range(2):
                wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
                time.sleep(0.2)  # for the subscriptions
                one.got.clear()
                two.got.clear()
                for topic in ("nav/pose", "nav/map", "foreign", "other", "other/a/b"):
                    sender.publish(topic, b"x")
                wait_for(lambda: two.got == ["nav/map", "other", "other/a/b"], what="messages")
                # A broker may send a message once for each filter that matches it.
                assert set(one.got) == {"nav/pose"}
                proxy.cut()
                wait_for(lambda: publisher.link is LinkState.CONNECTING, what="the cut")


class Listener:
    """A delivery listener that keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, bool]] = []
        self.statuses: list[Status] = []

    def delivered(self, row: Row, *, replayed: bool) -> None:
        """Keep the row's number."""
        self.rows.append((row.seq, replayed))

    def set_status(self, status: Status) -> None:
        """Keep the status."""
        self.statuses.append(status)


def test_listeners_learn_of_each_row_that_the_broker_has_and_of_the_status(mosquitto, spool) -> None:
    """Once each, in order, and whether it is news; two listeners learn the same."""
    append(spool, 3)
    listeners = [Listener(), Listener()]
    config = MqttConfig(hostname="127.0.0.1", port=mosquitto.port)
    said = status()
    with Publisher(config, TOPICS, spool, Wake(), listeners=listeners) as publisher:
        publisher.set_status(said)
        assert publisher.drain(10)
        append(spool, 1)
        assert publisher.drain(10)
    for listener in listeners:
        assert listener.rows == [(1, True), (2, True), (3, True), (4, False)]
        assert listener.statuses == [said]


class Pictures:
    """An outbox with one message for a link that is idle, once it is asked for it."""

    qos = 1
    waiting = False

    def begin(self) -> None:
        """Do nothing."""

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002
        """Return the message."""
        if not (self.waiting and is_idle):
            return None
        self.waiting = False
        return Outgoing("picture", b"")

    def answered(self, code: int | None) -> None:
        """Do nothing."""


def test_pictures_go_out_between_the_verdicts_of_a_robot_that_never_rests(mosquitto, spool) -> None:
    """The link is idle though a row that the broker has is deleted only with the next verdict."""
    pictures = Pictures()
    config = MqttConfig(hostname="127.0.0.1", port=mosquitto.port)
    with Publisher(config, TOPICS, spool, Wake(), outboxes=[pictures]) as publisher:
        append(spool, 1)
        wait_for(lambda: publisher.link is LinkState.CONNECTED, what="the link")
        pictures.waiting = True
        for _ in range(40):  # sooner than a deletion that waits for no verdict
            append(spool, 1)
            time.sleep(0.02)
            if not pictures.waiting:
                break
        assert not pictures.waiting


class Stern(socketserver.BaseRequestHandler):
    """A broker of MQTT 3.1.1 that takes any CONNECT, and ends the connection at a retained message."""

    def handle(self) -> None:
        """Answer one connection."""
        for first_byte, body in self._packets():
            kind = first_byte & 0xF0
            if kind == 0x10:
                self.request.sendall(b"\x20\x02\0\0")
            elif kind == 0x30 and first_byte & 1:
                return
            elif kind == 0x30:
                at = 2 + int.from_bytes(body[:2], "big")
                self.server.topics.append(body[2:at].decode())  # type: ignore[attr-defined]
                self.request.sendall(b"\x40\x02" + body[at : at + 2])

    def _packets(self):
        stream = PacketStream(100_000)
        while data := self.request.recv(4096):
            for packet in stream.packets(data):
                yield packet.first_byte, bytes(packet.body)  # type: ignore[union-attr]


def test_a_broker_that_ends_the_link_at_a_retained_message_gets_none(spool, publish) -> None:
    """It does not say why, and nothing is wrong with the will: found by trying, and kept."""
    broker = TcpServer(Stern)
    broker.topics = []  # type: ignore[attr-defined]
    publisher = publish(broker.port, protocol="3.1.1")
    publisher.set_status(status())
    append(spool, 30)
    wait_for(lambda: "no retained messages" in publisher.link_text, 20, what="what is said of the broker")
    assert publisher.drain(20)
    assert TOPICS.status in broker.topics  # type: ignore[attr-defined]
    assert "deferred" not in alarms(publisher)
    broker.stop()
