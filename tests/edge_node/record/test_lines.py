"""Lines of a record: in every form in which subscribers write them, with the payload's bytes."""

from __future__ import annotations

import hashlib
import json

import pytest

from edge_node.messages.verdict import EpochEnd, encode
from edge_node.record.lines import LineError, parse_line
from tests.support.verdicts import verdict

END = EpochEnd(epoch="before", seq=9, sha256="ab" * 32)
PAYLOAD = encode(verdict(1, "C", asset="Röhre, 3", previous_epoch=END))
TOPIC = "corrosion/v1/quay/crawler-1/verdict"


@pytest.mark.parametrize(
    "line",
    [
        PAYLOAD,
        PAYLOAD + b"\r\n",
        TOPIC.encode() + b" " + PAYLOAD + b"\n",
        json.dumps({"tst": "now", "topic": TOPIC, "qos": 1, "payload": PAYLOAD.decode()}).encode(),
        b'{"topic":"%s","payload":%s}' % (TOPIC.encode(), PAYLOAD),
    ],
    ids=["payload", "line ends", "topic and payload", "mosquitto_sub -F %j", "watch --json"],
)
def test_the_payload_is_found_byte_for_byte(line: bytes) -> None:
    """Its hash is that of what was published."""
    found = parse_line(line)
    assert (found.robot, found.epoch, found.seq) == ("quay/crawler-1", "epoch", 1)
    assert found.sha256 == hashlib.sha256(PAYLOAD).hexdigest()
    assert (found.previous_sha256, found.before, found.is_chained) == (None, END, True)


@pytest.mark.parametrize(
    "line",
    [
        b"corrosion/v1/quay/crawler-1/latest " + PAYLOAD,
        b'corrosion/v1/quay/crawler-1/finding {"id":"crawler-1:epoch:f1"}',
        b'{"id":"crawler-1:e:finding:1","seq":1,"site":"quay","robot":"crawler-1","state":"opened"}',
        b'{"schema":"corrosion/v1","site":"quay","robot":"crawler-1","at":"now"}',
    ],
)
def test_other_messages_are_left_out(line: bytes) -> None:
    """The retained newest verdict too: it repeats the record."""
    assert parse_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        b"corrosion/v1/quay/crawler-2/verdict " + PAYLOAD,
        b'corrosion/v1/quay/crawler-1/verdict {"id":"x","seq":1,"site":"quay","robot":"crawler-1"}',
        PAYLOAD[:-1],
        PAYLOAD.replace(b'"seq":1', b'"seq":2'),
        PAYLOAD.replace(b"ab" * 32, b"xy" * 32),
        b"[" * 5000,
        b"nonsense",
    ],
)
def test_what_contradicts_itself_is_no_message(line: bytes) -> None:
    """Each with a reason."""
    with pytest.raises(LineError, match=r"\w"):
        parse_line(line)
