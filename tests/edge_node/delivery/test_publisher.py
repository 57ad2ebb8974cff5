"""The publisher against a real mosquitto: what arrives, in which order, how often, and what is told."""

from __future__ import annotations

import gc
import json
import logging
import socket
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.messages.status import LinkState, Part, PartState, Status
from edge_node.messages.topics import Kind, Topics
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, Incoming, Outgoing
from edge_node.mqtt.wake import Wake
from edge_node.spool.rows import Keep, Row
from edge_node.spool.spool import Spool
from tests.support.collector import Collector
from tests.support.processes import Mosquitto, free_port, wait_for
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOPICS = Topics("site", "robot")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A new spool."""
    opened = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    yield opened
    opened.close()


@pytest.fixture
def publish(spool: Spool) -> Iterator[Callable[..., Publisher]]:
    """Starts publishers of the spool towards a port, and stops them at the end."""
    started: list[Publisher] = []

    def start(port: int, **options) -> Publisher:
        publisher = Publisher(MqttConfig(hostname="127.0.0.1", port=port, **options), TOPICS, spool, Wake())
        publisher.start()
        started.append(publisher)
        return publisher

    yield start
    for publisher in started:
        publisher.stop()


def append(spool: Spool, count: int, kind: Kind = Kind.VERDICT) -> None:
    """Append rows whose payload is their number, and wait for the disk."""
    for _ in range(count):
        spool.append(kind, lambda seq: json.dumps({"seq": seq}).encode(), keep=Keep.NORMAL)
    assert spool.flush(10)


def seqs(collector: Collector, topic: str = TOPICS.verdict) -> list[int]:
    """The numbers that came on ``topic``."""
    return [json.loads(message.payload)["seq"] for message in collector.of(topic)]


def status() -> Status:
    """A status as the daemon sets it."""
    return Status(
        site="site", robot="robot", since=datetime.now(timezone.utc), camera=Part(state=PartState.OK)
    )


def alarms(publisher: Publisher) -> set[str]:
    """The codes of the publisher's alarms."""
    return {alarm.code for alarm in publisher.alarms}


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


def test_live_verdicts_overtake_the_backlog_and_only_they_become_latest(mosquitto, spool, publish) -> None:
    """While a backlog drains, live rows go first; both are in order; the backlog alone is marked."""
    append(spool, 2000)
    with Collector(mosquitto.port) as collector, Proxy(mosquitto.port) as proxy:
        proxy.delay_s = 0.02
        publisher = publish(proxy.port)
        wait_for(lambda: len(seqs(collector)) > 200, what="the backlog's beginning")
        for _ in range(20):
            append(spool, 1)
        wait_for(lambda: max(seqs(collector)) == 2020, what="live verdicts")
        assert len(seqs(collector)) < 1500, "live verdicts waited for the backlog"
        proxy.delay_s = 0.0
        assert publisher.drain(30)
        wait_for(lambda: len(seqs(collector)) == 2020, what="delivery")
        verdicts = collector.of(TOPICS.verdict)
        replayed = [json.loads(m.payload)["seq"] for m in verdicts if m.replayed]
        live = [json.loads(m.payload)["seq"] for m in verdicts if not m.replayed]
        assert replayed == list(range(1, 2001))
        assert live == list(range(2001, 2021))
        wait_for(lambda: 2020 in seqs(collector, TOPICS.latest), what="latest")
        assert min(seqs(collector, TOPICS.latest)) > 2000
    with Collector(mosquitto.port, TOPICS.latest, "late") as late:
        wait_for(lambda: seqs(late, TOPICS.latest) == [2020], what="the retained newest verdict")
        assert late.of(TOPICS.latest)[0].retain


def test_a_cut_that_loses_the_answers_repeats_at_most_one_window(mosquitto, spool, publish) -> None:
    """Acknowledgements are swallowed, then the link is cut: at most 20 duplicates a cut, nothing lost."""
    append(spool, 400)
    cuts = 3
    with Collector(mosquitto.port) as collector, Proxy(mosquitto.port) as proxy:
        publisher = publish(proxy.port)
        for _ in range(cuts):
            wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
            proxy.swallow_answers = True
            before = proxy.connections
            append(spool, 50)
            wait_for(lambda: len(set(seqs(collector))) >= 10, what="some delivery")
            time.sleep(0.1)
            proxy.cut()
            proxy.swallow_answers = False
            wait_for(lambda n=before: proxy.connections > n, what="reconnection")
        assert publisher.drain(20)
        wait_for(lambda: set(seqs(collector)) == set(range(1, 551)), what="delivery")
        duplicates = len(seqs(collector)) - 550
        assert 0 < duplicates <= 20 * cuts


def test_the_window_keeps_below_what_the_broker_grants(tmp_path, spool, publish) -> None:
    """CONNACK's Receive Maximum is honoured: with 8 granted, never more than 5 rows are unanswered."""
    broker = Mosquitto(tmp_path, "max_inflight_messages 8\n")
    broker.start()
    append(spool, 100)
    with Collector(broker.port) as collector, Proxy(broker.port) as proxy:
        publisher = publish(proxy.port)
        assert publisher.drain(10)
        proxy.swallow_answers = True
        append(spool, 100)
        time.sleep(1.0)
        assert 101 <= len(seqs(collector)) <= 105
    publisher.stop()
    broker.kill()


def test_an_oversize_row_is_quarantined_and_its_neighbours_arrive(tmp_path, spool, publish) -> None:
    """A row over the broker's limit must not block the link: alone in quarantine, with an alarm."""
    for number, limit in enumerate(("message_size_limit 3000", "max_packet_size 3000")):
        folder = tmp_path / str(number)
        folder.mkdir()
        broker = Mosquitto(folder, limit + "\n")
        broker.start()
        append(spool, 30)
        spool.append(Kind.VERDICT, lambda seq: json.dumps({"seq": seq, "x": "x" * 5000}).encode())
        append(spool, 30)
        first = 61 * number + 1
        with Collector(broker.port, client_id=f"collector-{number}") as collector:
            publisher = publish(broker.port)
            wait_for(lambda n=number: spool.depth().quarantined == n + 1, timeout_s=30, what="quarantine")
            assert publisher.drain(10)
            wait_for(lambda f=first, c=collector: max(seqs(c)) == f + 60, what="the last row")
            assert set(seqs(collector)) == set(range(first, first + 61)) - {first + 30}
            publisher.stop()
        broker.kill()
    assert "quarantine" in {alarm.code for alarm in spool.alarms}


def test_a_topic_that_the_acl_forbids_keeps_its_rows_and_raises_an_alarm(tmp_path, spool, publish) -> None:
    """Reason 0x87 is policy, not the row's fault: the row stays, other topics flow, an alarm says why."""
    rules = tmp_path / "acl"
    rules.write_text(f"topic write {TOPICS.finding}\ntopic write {TOPICS.status}\ntopic read #\n")
    broker = Mosquitto(tmp_path, f"user root\nacl_file {rules}\n")
    broker.start()
    append(spool, 3)
    append(spool, 2, Kind.FINDING)
    with Collector(broker.port) as collector:
        publisher = publish(broker.port)
        publisher.set_status(status())
        wait_for(lambda: seqs(collector, TOPICS.finding) == [1, 2], what="the allowed topic")
        wait_for(lambda: "refused:verdict" in alarms(publisher), what="alarm")
        wait_for(lambda: spool.depth().waiting == 3, what="the forbidden rows are kept")
        assert spool.depth().quarantined == 0
        wait_for(
            lambda: any(b"not authorized (135)" in m.payload for m in collector.of(TOPICS.status)),
            what="the alarm in the status",
        )
    broker.kill()
    rules.write_text("topic readwrite #\n")
    broker.start()
    with Collector(broker.port, client_id="second") as collector:
        assert publisher.drain(20)
        assert alarms(publisher) == set()
        wait_for(lambda: sorted(set(seqs(collector))) == [1, 2, 3], what="delivery after the rule changed")
    publisher.stop()
    broker.kill()


def test_require_subscriber_keeps_rows_until_somebody_listens(mosquitto, spool, publish) -> None:
    """Reason 0x10, nobody subscribes, counts as success in MQTT; the option makes it a reason to keep."""
    append(spool, 30)
    publisher = publish(mosquitto.port, require_subscriber=True)
    wait_for(lambda: "refused:verdict" in alarms(publisher), what="alarm")
    assert spool.depth().waiting == 30
    with Collector(mosquitto.port) as collector:
        assert publisher.drain(20)
        wait_for(lambda: seqs(collector) == list(range(1, 31)), what="delivery in order, once")
        assert alarms(publisher) == set()


def test_without_require_subscriber_the_broker_is_the_receiver(mosquitto, spool, publish) -> None:
    """By default the promise ends at the broker: rows that nobody subscribes to count as delivered."""
    append(spool, 3)
    assert publish(mosquitto.port).drain(10)


def test_status_is_retained_online_and_offline_after_a_clean_stop(mosquitto, spool, publish) -> None:
    """Who subscribes later knows whether the robot is there, and why not."""
    publisher = publish(mosquitto.port)
    publisher.set_status(status())
    with Collector(mosquitto.port, TOPICS.status) as collector:
        wait_for(lambda: collector.messages, what="status")
        document = json.loads(collector.messages[-1].payload)
        assert (document["presence"], document["camera"]["state"]) == ("online", "ok")
        publisher.stop()
        wait_for(lambda: b'"offline"' in collector.messages[-1].payload, what="offline")
        assert json.loads(collector.messages[-1].payload)["offline_reason"] == "stopped"
    with Collector(mosquitto.port, TOPICS.status, "late") as late:
        wait_for(lambda: late.messages, what="the retained status")
        assert late.messages[0].retain


def test_the_broker_says_offline_when_the_link_is_lost(mosquitto, spool, publish) -> None:
    """The will: without us saying anything, subscribers learn that the robot is gone."""
    with Proxy(mosquitto.port) as proxy, Collector(mosquitto.port, TOPICS.status) as collector:
        publisher = publish(proxy.port, will_delay_s=0)
        publisher.set_status(status())
        wait_for(lambda: any(b'"online"' in m.payload for m in collector.messages), what="online")
        proxy.accept = False
        proxy.cut()
        wait_for(lambda: b'"link_lost"' in collector.messages[-1].payload, what="the will")
        proxy.accept = True
        wait_for(lambda: b'"online"' in collector.messages[-1].payload, timeout_s=20, what="online again")


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


def test_a_broker_that_never_acknowledges_is_connected_anew(mosquitto, spool, publish) -> None:
    """Pings are answered and rows are not: after the timeout a new connection gets its chance."""
    with Proxy(mosquitto.port) as proxy, Collector(mosquitto.port) as collector:
        publisher = publish(proxy.port, ack_timeout_s=5)
        wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
        proxy.swallow_answers = True
        append(spool, 3)
        wait_for(lambda: publisher.link is LinkState.CONNECTING, timeout_s=15, what="giving up")
        proxy.swallow_answers = False
        assert publisher.drain(20)
        wait_for(lambda: set(seqs(collector)) == {1, 2, 3}, what="delivery")


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


def test_over_3_1_1_what_the_broker_drops_is_gone(tmp_path, spool, publish) -> None:
    """The trap that makes v5 the default: an oversize row counts as delivered, and nobody has it."""
    broker = Mosquitto(tmp_path, "message_size_limit 3000\n")
    broker.start()
    append(spool, 3)
    spool.append(Kind.VERDICT, lambda seq: json.dumps({"seq": seq, "x": "x" * 5000}).encode())
    append(spool, 3)
    with Collector(broker.port) as collector:
        publisher = publish(broker.port, protocol="3.1.1")
        assert publisher.drain(20)
        wait_for(lambda: set(seqs(collector)) == {1, 2, 3, 5, 6, 7}, what="the neighbours")
    publisher.stop()
    broker.kill()


def test_a_row_at_which_the_link_always_ends_does_not_block_its_neighbours(mosquitto, spool, publish) -> None:
    """Some middlebox cuts at one message and says nothing: it is left for later, with an alarm."""
    append(spool, 10)
    spool.append(Kind.VERDICT, lambda seq: json.dumps({"seq": seq, "poison": True}).encode())
    append(spool, 30)
    with Collector(mosquitto.port) as collector, Proxy(mosquitto.port) as proxy:
        proxy.poison = b'"poison"'
        publisher = publish(proxy.port)
        wait_for(lambda: "deferred" in alarms(publisher), timeout_s=60, what="alarm")
        wait_for(lambda: set(seqs(collector)) == set(range(1, 42)) - {11}, timeout_s=30, what="neighbours")
        wait_for(lambda: spool.depth().waiting == 1, what="only that row waits")
        assert [row.seq for row in spool.rows(Kind.VERDICT)] == [11]


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


def test_a_response_carries_its_correlation_data(mosquitto, spool, publish) -> None:
    """Who sent a command finds the answer to it, also when it was given while the link was away."""
    spool.append(Kind.RESPONSE, lambda seq: json.dumps({"seq": seq}).encode(), correlation=b"\x00\xff42")
    with Collector(mosquitto.port) as collector:
        publish(mosquitto.port)
        wait_for(lambda: collector.of(TOPICS.response), what="response")
        assert collector.of(TOPICS.response)[0].correlation == b"\x00\xff42"


def test_a_giant_packet_from_the_broker_ends_the_connection_not_the_node(spool, publish) -> None:
    """A broker that announces 256 MB is left: nothing is collected in memory for it."""
    with socket.create_server(("127.0.0.1", 0)) as hostile:
        publisher = publish(hostile.getsockname()[1])
        connection, _ = hostile.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(bytes([0x20, 0x03, 0x00, 0x00, 0x00]))  # CONNACK, v5, success
            wait_for(lambda: publisher.link is LinkState.CONNECTED, what="connection")
            connection.sendall(bytes([0x30, 0xFF, 0xFF, 0xFF, 0x7F]) + b"\0" * 100_000)
            wait_for(lambda: publisher.link is LinkState.CONNECTING, what="leaving")


def test_two_nodes_with_one_name_are_told(spool, publish) -> None:
    """They throw each other out for ever; the alarm says why, if the broker does (mosquitto 2.0 not)."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        publisher = publish(broker.getsockname()[1])
        connection, _ = broker.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(bytes.fromhex("2003000000e0018e"))  # CONNACK; session taken over
            wait_for(lambda: "taken_over" in alarms(publisher), what="alarm")


def test_two_nodes_with_one_name_do_not_throw_each_other_out_all_the_time(mosquitto, tmp_path: Path) -> None:
    """Mosquitto does not say who took over: after a few short connections both wait and say so."""
    with Proxy(mosquitto.port) as proxy, Collector(mosquitto.port, TOPICS.verdict) as collector:
        twins = []
        for name in ("one", "two"):
            own = Spool.open(tmp_path / name / "spool.sqlite", SpoolConfig())
            append(own, 5)
            twin = Publisher(MqttConfig(hostname="127.0.0.1", port=proxy.port), TOPICS, own, Wake())
            twin.start()
            twins.append((own, twin))
        wait_for(lambda: any(alarms(twin) & {"unstable", "taken_over"} for _, twin in twins), 60, "alarm")
        wait_for(lambda: seqs(collector).count(5) == 2, what="what both have")
        before = proxy.connections
        time.sleep(4.0)
        assert proxy.connections - before <= 4
        for own, twin in twins:
            twin.stop()
            own.close()


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


def test_connections_leave_nothing_behind(mosquitto) -> None:
    """A link that flaps for months must not eat descriptors: each connection is a client of its own."""
    endpoint = Endpoint("127.0.0.1", mosquitto.port, "flapping")

    def connect_once() -> None:
        session = Session(endpoint)
        session.open()
        session.subscribe(["x"])
        session.publish(Outgoing("x", b"y"))
        session.abandon()

    connect_once()
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        connect_once()
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
