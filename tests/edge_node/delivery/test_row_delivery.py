"""Rows against a real mosquitto: which come first, which again, and which are set aside."""

from __future__ import annotations

import json
import time

from edge_node.messages.status import LinkState
from edge_node.messages.topics import Kind, Topics
from tests.support.collector import Collector
from tests.support.processes import Mosquitto, wait_for
from tests.support.proxy import Proxy
from tests.support.publishing import TOPICS, alarms, append, seqs, status


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


def test_rows_of_a_robot_that_was_renamed_arrive_under_the_name_that_they_give(
    mosquitto, spool, publish
) -> None:
    """Their readers refuse a payload of another robot than the topic's; receipts come below that name too."""
    former = Topics("dock", "robot_1")
    for seq in (1, 2):
        payload = json.dumps({"seq": seq, "site": former.site, "robot": former.robot}).encode()
        spool.append(Kind.VERDICT, lambda _seq, payload=payload: payload)
    spool.append(Kind.FINDING, lambda _seq: payload)
    append(spool, 1)
    with Collector(mosquitto.port) as collector:
        publisher = publish(mosquitto.port, receipts_from=["historian"])
        wait_for(lambda: seqs(collector, former.verdict) == [1, 2], what="the former name's verdicts")
        wait_for(lambda: seqs(collector) == [3], what="the present name's verdict")
        wait_for(lambda: seqs(collector, former.finding) == [2], what="the former name's finding")
        assert collector.of(former.verdict)[0].user["source"] == f"/{former.base}"
        receipt = json.dumps({"epoch": spool.epoch, "seq": 3}).encode()
        wait_for(lambda: spool.depth().waiting == 3, what="the finding is delivered")
        collector.publish(former.receipt("historian"), receipt)
        assert publisher.drain(10)


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


def test_a_response_carries_its_correlation_data(mosquitto, spool, publish) -> None:
    """Who sent a command finds the answer to it, also when it was given while the link was away."""
    spool.append(Kind.RESPONSE, lambda seq: json.dumps({"seq": seq}).encode(), correlation=b"\x00\xff42")
    with Collector(mosquitto.port) as collector:
        publish(mosquitto.port)
        wait_for(lambda: collector.of(TOPICS.response), what="response")
        assert collector.of(TOPICS.response)[0].correlation == b"\x00\xff42"


def test_a_subscriber_that_comes_in_the_middle_of_a_window_gets_all_in_order(
    mosquitto, spool, publish
) -> None:
    """Verdicts refused for want of a subscriber do not come after those that were sent behind them.

    After a broker's restart the node is often back before its subscribers.
    """
    append(spool, 60)
    with Proxy(mosquitto.port) as proxy:
        proxy.bytes_per_s = 2000.0
        publisher = publish(proxy.port, require_subscriber=True)
        wait_for(lambda: proxy.sent_bytes > 600, what="the first rows")
        with Collector(mosquitto.port, TOPICS.verdict) as collector:
            time.sleep(0.5)
            proxy.bytes_per_s = None
            assert publisher.drain(20)
            wait_for(lambda: set(seqs(collector)) == set(range(1, 61)), what="delivery")
            assert seqs(collector) == list(range(1, 61))
