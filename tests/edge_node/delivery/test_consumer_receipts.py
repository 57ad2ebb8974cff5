"""Receipts: a verdict stays in the spool until those who keep the record say that they have it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.delivery.consumer_receipts import ConsumerReceipts
from edge_node.delivery.publisher import Publisher
from edge_node.messages.topics import Kind, Topics
from edge_node.mqtt.types import Incoming
from edge_node.mqtt.wake import Wake
from edge_node.spool.rows import Keep, Row, StoredRange
from edge_node.spool.spool import Spool
from tests.support.collector import Collector
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = Topics("site", "robot")
EPOCH = "01234567-89ab-cdef-0123-456789abcdef"
OTHER = EPOCH.replace("0", "f")


def receipt(consumer: str, seq: int, epoch: str = EPOCH, *, retained: bool = False) -> Incoming:
    """What a consumer says."""
    payload = json.dumps({"epoch": epoch, "seq": seq}).encode()
    return Incoming(TOPICS.receipt(consumer), payload, is_retained=retained)


def row(seq: int, epoch: str = EPOCH) -> Row:
    """A verdict."""
    return Row(seq, Kind.VERDICT, seq, epoch, Keep.NORMAL, 0.0, b"")


def delivered(receipts: ConsumerReceipts, *seqs: int, epoch: str = EPOCH) -> None:
    """Verdicts that were sent and that the broker acknowledged."""
    for seq in seqs:
        receipts.sent(row(seq, epoch))
        assert receipts.parked(row(seq, epoch), now_s=0.0)


def stored(first: int, last: int, epoch: str = EPOCH) -> list[StoredRange]:
    """What may be deleted."""
    return [StoredRange(Kind.VERDICT, epoch, first, last)]


def test_what_all_consumers_have_is_stored() -> None:
    """The slowest consumer counts; a receipt never goes back; strangers do not count; epochs are apart."""
    receipts = ConsumerReceipts(["a", "b"], TOPICS, 60)
    delivered(receipts, *range(1, 13))
    delivered(receipts, 50, epoch=OTHER)
    assert receipts.note(receipt("a", 10), 0.0) == []
    assert receipts.note(receipt("stranger", 12), 0.0) == []
    assert receipts.note(receipt("b", 4), 0.0) == stored(1, 4)
    assert receipts.note(receipt("b", 2), 0.0) == []
    assert receipts.note(receipt("b", 12), 0.0) == stored(5, 10)
    assert receipts.note(receipt("b", 50, OTHER), 0.0) == []
    assert receipts.note(receipt("a", 50, OTHER), 0.0) == stored(50, 50, OTHER)
    assert not ConsumerReceipts([], TOPICS, 60).wanted


@pytest.mark.parametrize("retained", [True, False], ids=["kept by the broker", "sent now"])
def test_a_receipt_deletes_nothing_that_the_broker_did_not_acknowledge_in_this_run(retained: bool) -> None:
    """An old receipt, one of another epoch, one ahead, and one over numbers that live ones overtook."""
    receipts = ConsumerReceipts(["a"], TOPICS, 60)
    assert receipts.note(receipt("a", 5000, retained=retained), 0.0) == []
    receipts.sent(row(5001))  # live, while 1 to 5000 still wait
    assert receipts.parked(row(5001), 0.0)
    receipts.sent(row(1))
    assert receipts.note(receipt("a", 5002, retained=retained), 0.0) == []
    assert receipts.note(receipt("a", 5001, OTHER, retained=retained), 0.0) == []
    assert receipts.refused == 3
    assert receipts.note(receipt("a", 5001, retained=retained), 0.0) == stored(5001, 5001)
    # The consumer has what follows: it leaves once it was sent, and not before.
    assert not receipts.parked(row(1), 0.0)


def test_what_a_consumer_that_speaks_lacks_for_too_long_is_missing() -> None:
    """Only after the patience, only if it says so then, and once; a silent one may still have it queued."""
    receipts = ConsumerReceipts(["a"], TOPICS, 60)
    delivered(receipts, 1, 2, 3)
    receipts.note(receipt("a", 0), 59.0)
    assert not receipts.take_missing()
    receipts.note(receipt("a", 0, retained=True), 61.0)
    assert not receipts.take_missing(), "the broker kept that one: nobody need be there"
    receipts.note(receipt("a", 0), 61.0)
    assert receipts.take_missing()
    assert not receipts.take_missing()
    receipts.note(receipt("a", 2), 100.0)
    assert not receipts.take_missing()
    receipts.note(receipt("a", 2), 122.0)
    assert receipts.take_missing()
    receipts.note(receipt("a", 3), 123.0)
    receipts.note(receipt("a", 3), 999.0)
    assert not receipts.take_missing()


def test_a_receipt_of_the_new_epoch_shows_what_is_missing_of_the_old() -> None:
    """After a restart a consumer has no reason to speak of the old epoch, if nothing of it arrived."""
    receipts = ConsumerReceipts(["a"], TOPICS, 60)
    delivered(receipts, 7, 8, epoch=OTHER)
    delivered(receipts, 1)
    assert receipts.note(receipt("a", 1), 61.0) == stored(1, 1)
    assert receipts.take_missing()


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"[" * 1000, b" " * 2000, b"NaN"),
        b'{"epoch": "x", "seq": 1}',
        b'{"epoch": "%s", "seq": -1}' % EPOCH.encode(),
        b'{"epoch": "%s", "seq": 1.5}' % EPOCH.encode(),
        b'{"epoch": "%s", "seq": 1e99}' % EPOCH.encode(),
        b'{"epoch": "%s", "seq": 99999999999999999999}' % EPOCH.encode(),
        b'{"epoch": "%s", "seq": 1, "x": 1}' % EPOCH.encode(),
    ],
)
def test_what_is_no_receipt_deletes_nothing(payload: bytes) -> None:
    """Broken, foreign or absurd: counted, and nothing else."""
    receipts = ConsumerReceipts(["a"], TOPICS, 60)
    assert receipts.note(Incoming(TOPICS.receipt("a"), payload, is_retained=False), 0.0) == []
    assert receipts.refused == 1


def test_verdicts_wait_for_receipts_and_are_sent_again_after_a_restart(mosquitto, tmp_path: Path) -> None:
    """Acknowledged by the broker is not enough; what the consumer did not get comes again by itself."""
    config = MqttConfig(hostname="127.0.0.1", port=mosquitto.port, receipts_from=("historian",))
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    for _ in range(30):
        spool.append(Kind.VERDICT, lambda seq: b'{"seq":%d}' % seq)
    spool.append(Kind.FINDING, lambda seq: b'{"seq":%d}' % seq)

    def seqs(collector: Collector) -> list[int]:
        return [json.loads(message.payload)["seq"] for message in collector.of(TOPICS.verdict)]

    with Collector(mosquitto.port) as historian:
        publisher = Publisher(config, TOPICS, spool, Wake())
        publisher.start()
        wait_for(lambda: len(seqs(historian)) == 30, what="delivery beyond one window")
        wait_for(lambda: spool.depth().waiting == 30, what="the finding leaves, the verdicts stay")
        historian.publish(TOPICS.receipt("historian"), receipt("", 20, spool.epoch).payload, retain=True)
        wait_for(lambda: spool.depth().waiting == 10, what="the receipt's effect")
        assert [row.seq for row in spool.rows(Kind.VERDICT)] == list(range(21, 31))
        publisher.stop()
        again = Publisher(config, TOPICS, spool, Wake())
        again.start()
        wait_for(lambda: set(seqs(historian)[30:]) == set(range(21, 31)), what="what was not received")
        historian.publish(TOPICS.receipt("historian"), receipt("", 30, spool.epoch).payload, retain=True)
        assert again.drain(10)
        again.stop()
    spool.close()


def test_what_the_broker_lost_on_the_way_to_a_consumer_comes_again(mosquitto, tmp_path: Path) -> None:
    """Without a disconnect: the historian had unsubscribed for a moment, and its receipt stays behind."""
    config = MqttConfig(
        hostname="127.0.0.1", port=mosquitto.port, receipts_from=("historian",), receipt_patience_s=1
    )
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    publisher = Publisher(config, TOPICS, spool, Wake())
    publisher.start()
    with Collector(mosquitto.port, client_id="other") as other:
        for _ in range(5):
            spool.append(Kind.VERDICT, lambda seq: b'{"seq":%d}' % seq)
        wait_for(lambda: len(other.of(TOPICS.verdict)) == 5, what="verdicts that the historian missed")
        with Collector(mosquitto.port) as historian:
            spool.append(Kind.VERDICT, lambda seq: b'{"seq":%d}' % seq)

            def got() -> set[int]:
                said = receipt("", 0, spool.epoch).payload
                historian.publish(TOPICS.receipt("historian"), said, retain=True)
                return {json.loads(message.payload)["seq"] for message in historian.of(TOPICS.verdict)}

            wait_for(lambda: got() == {1, 2, 3, 4, 5, 6}, what="what was missed")
            assert any(message.replayed for message in historian.of(TOPICS.verdict))
    publisher.stop()
    spool.close()
