"""Bytes from the broker: only what a robot says of itself, strictly, gets into the history."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.ingest.decoding import UnreadableError, decode, filters
from edge_node.messages.checkpoint import Checkpoint
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import encode
from tests.support.robot_messages import TOPICS, changed_verdict, message
from tests.support.room_records import disagreement
from tests.support.verdicts import verdict

JPEG = b"\xff\xd8\xff\xe0 something \xff\xd9"


def test_a_verdict_is_read() -> None:
    """What the robot encodes comes out as it went in."""
    assert decode(message(encode(verdict(7, "C")))) == verdict(7, "C")


def test_a_time_without_a_zone_is_kept_as_utc() -> None:
    """A report compares times, and cannot compare one that has a zone with one that has none."""
    sent = encode(verdict(7, "C"))
    assert sent.count(b'12:00:07Z"') == 1
    assert decode(message(sent.replace(b'12:00:07Z"', b'12:00:07"'))) == verdict(7, "C")


def test_a_verdict_of_a_robot_without_the_chain_is_read() -> None:
    """Version 0.6.0 and older name no hash and no epoch before."""
    fields = msgspec.json.decode(encode(verdict(7, "C")))
    del fields["previous_sha256"], fields["previous_epoch"]
    assert decode(message(msgspec.json.encode(fields))) == verdict(7, "C")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("L-7 \u00fc", "L-7 \u00fc"),
        ("L\x1b[2J", "L\ufffd[2J"),
        ("a\x00\x7f", "a\ufffd\ufffd"),
        ("gnp.\u202eexe", "gnp.\ufffdexe"),
    ],
)
def test_a_name_is_kept_without_what_would_show_it_as_another(sent: str, kept: str) -> None:
    """The verdict counts all the same: it is the record."""
    assert decode(message(changed_verdict(asset=sent))).asset == kept


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"null", "not as the schema says"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "larger than"),
        (b"[" * 60_000, "not JSON|not as the schema says"),
        (b'{"id": "\xff"}', "not JSON"),
        (b'{"id": "\\ud800"}', "not JSON|not as the schema says"),
        (b'{"seq": 1e999}', "not as the schema says|not JSON"),
        (b'{"seq": NaN}', "not JSON"),
        (changed_verdict(seq=2**60, id=f"crawler-1:epoch:{2**60}"), "seq is too large"),
        (changed_verdict(seq=0), "not as the schema says"),
        (changed_verdict(frame_id="x"), "not as the schema says"),
        (changed_verdict(robot="crawler-2"), "another robot than its topic"),
        (changed_verdict(id="crawler-2:epoch:7"), "id is not ROBOT:EPOCH:SEQ"),
        (changed_verdict(id="crawler-1:epoch:8"), "id is not ROBOT:EPOCH:SEQ"),
        (changed_verdict(id="crawler-1::7"), "id is not ROBOT:EPOCH:SEQ"),
        (changed_verdict(id=f"crawler-1:{'e' * 65}:7"), "id is not ROBOT:EPOCH:SEQ"),
        (changed_verdict(observed_at="0001-01-01T00:00:00Z"), "no time of this age"),
        (changed_verdict(observed_at="9999-12-31T23:59:59Z"), "no time of this age"),
        (changed_verdict(outcome="<script>"), "not as the schema says"),
        (changed_verdict(previous_sha256="x"), "not as the schema says"),
        (changed_verdict(previous_epoch={"epoch": "e", "seq": 2**60, "sha256": None}), "too large"),
        (changed_verdict(previous_epoch={"epoch": "e" * 65, "seq": 1, "sha256": None}), "too large"),
        (changed_verdict(source="x" * 70_000), "larger than"),
    ],
)
def test_what_is_no_verdict_is_told_by_reason(payload: bytes, reason: str) -> None:
    """Each with a sentence that is the same for all of its kind, so that kinds can be counted."""
    with pytest.raises(UnreadableError, match=reason):
        decode(message(payload))


@pytest.mark.parametrize(
    "topic",
    [
        "corrosion/v1/quay/crawler-1",
        "corrosion/v1/quay/crawler-1/verdict/more",
        "corrosion/v2/quay/crawler-1/verdict",
        "corrosion/v1/qu ay/crawler-1/verdict",
        "corrosion/v1/quay/../verdict",
        "corrosion/v1/quay/crawler-1/cmd/ping",
        "corrosion/v1/quay/crawler-1/evidence",
        "corrosion/v1/quay/crawler-1/evidence/../../etc/passwd",
        f"corrosion/v1/quay/crawler-1/evidence/{'A' * 64}",
    ],
)
def test_topics_of_another_shape_are_refused(topic: str) -> None:
    """A name that reaches the history is an id, and a picture's name is a hash."""
    with pytest.raises(UnreadableError):
        decode(message(JPEG, topic))


def test_a_picture_is_what_its_name_promises() -> None:
    """A full picture is held to its hash; of a thumbnail nothing proves the bytes, and it is marked so."""
    sha256 = hashlib.sha256(JPEG).hexdigest()
    topic = TOPICS.evidence(sha256)
    assert decode(message(JPEG, topic)) == StoredPicture(
        "quay", "crawler-1", sha256, is_thumbnail=False, content=JPEG
    )
    small = decode(message(JPEG + b"small", topic, size="thumbnail"))
    assert small == StoredPicture("quay", "crawler-1", sha256, is_thumbnail=True, content=JPEG + b"small")
    assert decode(message(JPEG, topic, size="overlay")) is None
    with pytest.raises(UnreadableError, match="not the picture that its name promises"):
        decode(message(JPEG + b"forged", topic))
    with pytest.raises(UnreadableError, match="no JPEG"):
        decode(message(b"<svg onload=alert(1)>", topic, size="thumbnail"))
    with pytest.raises(UnreadableError, match="larger than"):
        decode(message(JPEG * 200_000, topic, size="thumbnail"))


def test_the_newest_verdict_is_not_subscribed_to() -> None:
    """``latest`` is a copy of what ``verdict`` brings."""
    assert filters("quay") == tuple(
        f"corrosion/v1/quay/+/{leaf}"
        for leaf in ("verdict", "finding", "status", "health", "rsp", "shadow", "evidence/+", "checkpoint")
    )


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "crawler-2:epoch:7"},
        {"verdict": "crawler-1:epoch:f7"},
        {"verdict": f"crawler-1:{'e' * 65}:7"},
        {"verdict": "crawler-1:epoch:99999999999999999999"},
        {"evidence_sha256": "../../etc/passwd"},
        {"robot": "crawler-2"},
        {"at": "1066-01-01T00:00:00Z"},
        {"differs": "outcome"},
    ],
)
def test_a_disagreement_is_of_the_robots_own_verdicts(change) -> None:
    """What the shadow says is read; whoever speaks of another robot's verdict, or of no picture, is not."""
    said = disagreement(7, "e" * 64)
    topic = TOPICS.of(Kind.SHADOW)
    assert decode(message(encode(said), topic)) == said
    forged = {**msgspec.json.decode(encode(said)), **change}
    with pytest.raises(UnreadableError, match="shadow"):
        decode(message(msgspec.json.encode(forged), topic))


def test_a_checkpoint_names_epochs_and_numbers() -> None:
    """Whoever names none, or numbers that no reader holds, is refused."""
    said = {
        "id": "crawler-1:epoch:checkpoint:1",
        "seq": 1,
        "site": "quay",
        "robot": "crawler-1",
        "epoch": "epoch",
        "last_seq": 7,
        "last_sha256": "e" * 64,
        "previous_epoch": None,
        "given_up": [],
        "final": False,
        "at": "2026-03-01T08:00:00Z",
        "monotonic_ns": 1,
        "boot_id": "b",
        "time_quality": "unknown",
        "key_id": "f" * 64,
        "signature": "c2ln",
    }
    topic = f"{TOPICS.base}/checkpoint"
    found = decode(message(msgspec.json.encode(said), topic))
    assert isinstance(found, Checkpoint)
    range_of_no_epoch = {"epoch": "", "first": 1, "last": 2, "previous_sha256": None}
    for change in (
        {"epoch": ""},
        {"last_seq": 2**60},
        {"given_up": [{**range_of_no_epoch, "epoch": "epoch", "first": 3}]},
        {"given_up": [range_of_no_epoch]},
        {"robot": "crawler-2"},
    ):
        with pytest.raises(UnreadableError, match="checkpoint"):
            decode(message(msgspec.json.encode({**said, **change}), topic))
