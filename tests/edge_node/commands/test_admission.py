"""Commands: what is taken, what is refused and how that is told; hostile bytes; over a real broker too."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.commands.admission import AdmittedCommand, CommandAdmission, RefusedCommand
from edge_node.commands.audit_files import AuditFiles, read_audit
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.executor import CommandExecutor
from edge_node.commands.receiver import CommandReceiver
from edge_node.commands.responses import CommandOutcome, ResponseWriter
from edge_node.config.delivery_sections import CommandsConfig, MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.errors import ConfigError
from edge_node.messages.command import COMMANDS, CommandError, Pause, SendEvidence, Verb, decode_command
from edge_node.messages.response import Result
from edge_node.messages.topics import Topics
from edge_node.mqtt.types import Incoming
from edge_node.mqtt.wake import Wake
from edge_node.signing import signed_bytes
from edge_node.spool.spool import Spool
from tests.support.collector import Collector
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = Topics("site", "robot")
NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
BASE = {
    "schema": "corrosion/v1",
    "id": "0123456789",
    "issued_at": "2026-01-01T12:00:00Z",
    "expires_at": "2026-01-01T12:01:00Z",
}
REVIEW = {"subject": "robot:epoch:f7", "judgement": "disputed", "by": "Anna"}


UPDATE = {"name": "steel", "version": "1.2", "sha256": "0" * 64, "size_bytes": 4_583_424}


def incoming(verb: str = "pause", *, retained: bool = False, user=(), **changes) -> Incoming:
    """A command as it comes; ``changes`` replace or add keys."""
    payload = json.dumps({**BASE, **changes}).encode()
    return Incoming(f"{TOPICS.base}/cmd/{verb}", payload, retained, b"c", user)


def gate(now: datetime = NOW, **config) -> CommandAdmission:
    """A gate whose clock stands still."""
    return CommandAdmission(CommandsConfig(**config), TOPICS, {}, lambda: now)


def refusal(judged) -> str:
    """The code of a refusal."""
    assert isinstance(judged, RefusedCommand), judged
    return judged.code


def test_every_verb_is_taken_in_its_plain_form() -> None:
    """The allow-list: each verb decodes to its own type, with its arguments."""
    sha256 = "0" * 64
    for verb in Verb:
        extra = {Verb.EVIDENCE: {"sha256": sha256}, Verb.REVIEW: REVIEW, Verb.UPDATE: UPDATE}.get(verb, {})
        judged = gate().judge(incoming(verb.value, **extra))
        assert isinstance(judged, AdmittedCommand)
        assert type(judged.command) is COMMANDS[verb]
    assert decode_command("pause", incoming(duration_s=60).payload) == Pause(
        **{**BASE, "issued_at": NOW, "expires_at": NOW + timedelta(minutes=1)}, duration_s=60
    )
    evidence = decode_command("evidence", incoming(sha256=sha256, size="thumbnail").payload)
    assert isinstance(evidence, SendEvidence)
    assert (evidence.sha256, evidence.size) == (sha256, "thumbnail")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 4000, "not_json"),
        (b'{"a":' * 700, "not_json"),
        (b"1" * 4096, "schema"),
        (b"-" + b"9" * 4000, "schema"),
        (b"NaN", "not_json"),
        (b'{"duration_s": Infinity}', "not_json"),
        (b'{"duration_s": 1e999}', "not_json"),
        (b'{"id": "a", "id": "b"}', "duplicate_key"),
        (b'{"x": {"a": 1, "a": 2}}', "duplicate_key"),
        (b"[]", "schema"),
        (b'"' + b"x" * 5000 + b'"', "too_large"),
        (b"null", "schema"),
    ],
    ids=range(14),
)
def test_bytes_that_are_no_command_are_refused_with_a_code(payload: bytes, code: str) -> None:
    """Nesting, huge numbers, NaN, keys given twice, broken UTF-8: one refusal each, nothing else."""
    with pytest.raises(CommandError) as caught:
        decode_command("pause", payload)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "corrosion/v2"},
        {"id": "short"},
        {"id": "x" * 65},
        {"id": "0123456789\n"},
        {"id": "\ud800" * 10},
        {"id": 5},
        {"schema": "\ud800"},
        {"\ud800": 1},
        {"issued_at": "yesterday"},
        {"issued_at": "2026-01-01T12:00:00"},
        {"issued_at": 1767268800},
        {"expires_at": None},
        {"duration_s": 0},
        {"duration_s": 86_401},
        {"duration_s": 1.5},
        {"duration_s": "60"},
        {"duration_s": True},
        {"url": "http://example.org"},
        {"path": "/etc/passwd"},
    ],
    ids=str,
)
def test_a_command_that_does_not_fit_the_schema_is_refused(changes) -> None:
    """Unknown keys, wrong types, values out of bounds and times without a zone are refused."""
    assert refusal(gate().judge(incoming(**changes))) == "schema"


@pytest.mark.parametrize("sha256", ["../../etc/passwd", "0" * 63, "0" * 65, "G" * 64, "0" * 64 + "\n", ""])
def test_evidence_is_named_by_a_hash_and_nothing_else(sha256: str) -> None:
    """No path can be asked for."""
    assert refusal(gate().judge(incoming("evidence", sha256=sha256))) == "schema"


@pytest.mark.parametrize(
    "changes",
    [
        {"judgement": "maybe"},
        {"subject": "robot:epoch:0"},
        {"subject": "../../x:e:f1"},
        {"subject": "robot:epoch:f7\n"},
        {"by": ""},
        {"by": " Anna"},
        {"by": "A" * 65},
        {"by": "a\u202eb"},
        {"note": "two\nlines"},
        {"note": "x" * 501},
        {"note": "\ud800"},
        {"material": "Steel"},
        {"material": "steel plate"},
        {"severity": "x" * 33},
        {"outcome": "uncertain"},
        {"evidence_sha256": "../../etc/passwd"},
        {"outcome": "uncorroded", "severity": "late"},
        {"outcome": "uncorroded", "form": "pitting"},
        {"outcome": "uncorroded", "judgement": "confirmed"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_review_is_held_to_its_words(changes) -> None:
    """Labels are identifiers, names and notes one printable line; what contradicts itself is refused."""
    assert refusal(gate().judge(incoming("review", **{**REVIEW, **changes}))) == "schema"
    good = {"by": "Анна 李", "note": "Walzhaut, kein Rost: ≠", "outcome": "uncorroded", "severity": "none"}
    assert isinstance(gate().judge(incoming("review", **{**REVIEW, **good})), AdmittedCommand)


def test_time_is_checked_against_our_clock() -> None:
    """Expired, from the future, and living for too long are refused; half a minute of skew is not."""
    assert refusal(gate(NOW + timedelta(minutes=1)).judge(incoming())) == "expired"
    assert refusal(gate(NOW - timedelta(seconds=31)).judge(incoming())) == "clock"
    assert isinstance(gate(NOW - timedelta(seconds=29)).judge(incoming()), AdmittedCommand)
    assert refusal(gate().judge(incoming(expires_at="2026-01-01T12:10:01Z"))) == "lifetime"
    assert refusal(gate(datetime(1970, 1, 1, tzinfo=timezone.utc)).judge(incoming())) == "clock"


def test_a_repeated_and_a_retained_command_are_refused() -> None:
    """What was taken once, also before a restart, and what a broker kept, is not carried out."""
    door = gate()
    assert isinstance(door.judge(incoming()), AdmittedCommand)
    assert refusal(door.judge(incoming())) == "repeated"
    assert refusal(gate().judge(incoming(retained=True))) == "retained"
    restarted = CommandAdmission(CommandsConfig(), TOPICS, {BASE["id"]: 4e9}, lambda: NOW)
    assert refusal(restarted.judge(incoming())) == "repeated"


def test_a_flood_is_refused_unread_and_told_once() -> None:
    """Beyond the rate commands are counted, not decoded, and the spool does not fill with refusals."""
    door = gate(burst=5, max_per_minute=1)
    judged = [door.judge(incoming(id=uuid.uuid4().hex)) for _ in range(1000)]
    assert sum(isinstance(one, AdmittedCommand) for one in judged) == 5
    refusals = [one for one in judged if isinstance(one, RefusedCommand)]
    assert [one.code for one in refusals] == ["rate"]


def test_another_robots_command_and_unknown_verbs_go_nowhere() -> None:
    """A topic that is not ours is ignored; a verb that is not on the list is refused."""
    elsewhere = Incoming("corrosion/v1/site/other/cmd/pause", incoming().payload, is_retained=False)
    assert gate().judge(elsewhere) is None
    for verb in ("shell", "PAUSE", "pause ", "__class__", "ω"):
        judged = gate().judge(incoming(verb))
        assert refusal(judged) == "unknown_verb"
        assert judged.verb == "unknown"


@pytest.fixture
def key_pair(tmp_path: Path):
    """An Ed25519 key, and the file of its public half."""
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    key = ed25519.Ed25519PrivateKey.generate()
    file = tmp_path / "public.pem"
    file.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return key, file


def test_with_a_key_only_its_signature_over_topic_and_bytes_counts(key_pair) -> None:
    """Unsigned, forged, altered, moved to another verb: refused; the right signature: taken."""
    key, file = key_pair

    def signed(message: Incoming, *, over: Incoming | None = None) -> Incoming:
        over = over or message
        signature = base64.b64encode(key.sign(signed_bytes(over.topic, over.payload))).decode()
        return Incoming(message.topic, message.payload, is_retained=False, user=(("signature", signature),))

    def judge(message: Incoming):
        return gate(public_key_file=str(file)).judge(message)

    assert isinstance(judge(signed(incoming())), AdmittedCommand)
    assert refusal(judge(incoming())) == "unsigned"
    assert refusal(judge(signed(incoming(), over=incoming("resume")))) == "signature"
    assert refusal(judge(signed(incoming(duration_s=9), over=incoming(duration_s=8)))) == "signature"
    for forged in ("", "!!!", base64.b64encode(bytes(64)).decode()):
        assert refusal(judge(incoming(user=(("signature", forged),)))) == "signature"


def test_a_key_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    """A missing file and one that is no key are told before any command comes."""
    pytest.importorskip("cryptography")
    (tmp_path / "no.pem").write_text("no key")
    for name in ("missing.pem", "no.pem"):
        with pytest.raises(ConfigError, match=name):
            gate(public_key_file=str(tmp_path / name))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=5000) | st.text(max_size=1000).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_that_are_no_command_are_refused(payload: bytes) -> None:
    """Whatever comes, the gate has an answer; the long run is tests/endurance/fuzz.py."""
    for verb in Verb:
        judged = gate().judge(Incoming(f"{TOPICS.base}/cmd/{verb.value}", payload, is_retained=False))
        assert refusal(judged) in {"not_json", "schema", "too_large", "duplicate_key"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*BASE, *REVIEW, *UPDATE, "duration_s", "sha256", "size", "note", "x"]), JSON
    )
)
def test_any_object_that_is_near_a_command_gives_a_command_or_a_refusal(changes) -> None:
    """Right keys with wrong values never get further than the schema."""
    payload = json.dumps({**BASE, **changes}).encode()
    for verb in Verb:
        try:
            command = decode_command(verb.value, payload)
        except CommandError:
            continue
        assert json.loads(payload)["id"] == command.id


def test_commands_over_a_real_broker_are_carried_out_once_and_answered(mosquitto, tmp_path: Path) -> None:
    """From the control room to the robot and back: correlation, refusals as messages, no bug ends it."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    executed: list[AdmittedCommand] = []

    def done(admitted: AdmittedCommand) -> CommandOutcome:
        executed.append(admitted)
        return CommandOutcome(Result.DONE)

    def fail(admitted: AdmittedCommand) -> CommandOutcome:
        executed.append(admitted)
        raise RuntimeError("a bug in the robot")

    audit = AuditLog(AuditFiles(tmp_path / "audit"))
    responses = ResponseWriter(TOPICS, spool, audit)
    handlers = {Verb.PAUSE: done, Verb.RELOAD: fail, Verb.RESUME: done}
    executor = CommandExecutor(handlers, responses)
    receiver = CommandReceiver(
        *(CommandsConfig(), TOPICS), spool=spool, audit=audit, responses=responses, submit=executor.submit
    )
    now = datetime.now(timezone.utc)
    times = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(minutes=1)).isoformat()}
    with Collector(mosquitto.port) as room, audit:
        # Retained before the robot is there: it must not act on it when it comes.
        room.publish(f"{TOPICS.base}/cmd/resume", incoming(**times, id="retained-1").payload, retain=True)
        mqtt = MqttConfig(hostname="127.0.0.1", port=mosquitto.port)
        publisher = Publisher(mqtt, TOPICS, spool, Wake(), inboxes=[receiver])
        publisher.start()

        def received() -> list[tuple[str, str | None, str, bytes]]:
            documents = [(json.loads(m.payload), m.correlation) for m in room.of(TOPICS.response)]
            return [(d["verb"], d["command_id"], d["result"], c) for d, c in documents]

        def ask(verb: str, payload: bytes) -> None:
            before = len(received())
            room.publish(f"{TOPICS.base}/cmd/{verb}", payload, CorrelationData=b"\x01\xfe")
            wait_for(lambda: executor.look(0.0) or len(received()) > before, what="a response")

        wait_for(received, what="the retained one refused")
        ask("ping", incoming(**times, id="ping-0001").payload)
        ask("pause", incoming(**times, id="pause-001").payload)
        ask("pause", incoming(**times, id="pause-001").payload)
        ask("reload", incoming(**times, id="reload-01").payload)
        ask("shell", b"rm -rf /")
        ask("snapshot", incoming(**times, id="snap-0001").payload)
        ask("resume", incoming(**times, id="resume-01").payload)
        assert received() == [
            ("resume", None, "refused", b""),
            ("ping", "ping-0001", "done", b"\x01\xfe"),
            ("pause", "pause-001", "done", b"\x01\xfe"),
            ("pause", "pause-001", "refused", b"\x01\xfe"),
            ("reload", "reload-01", "failed", b"\x01\xfe"),
            ("unknown", None, "refused", b"\x01\xfe"),
            ("snapshot", "snap-0001", "refused", b"\x01\xfe"),
            ("resume", "resume-01", "done", b"\x01\xfe"),
        ]
        assert [admitted.verb for admitted in executed] == [Verb.PAUSE, Verb.RELOAD, Verb.RESUME]
        publisher.stop()
    audited = [(entry.event, entry.command_id, entry.code) for entry in read_audit(tmp_path / "audit")]
    assert audited == [
        ("refused", None, "retained"),
        *(("taken", "ping-0001", None), ("answered", "ping-0001", "pong")),
        *(("taken", "pause-001", None), ("answered", "pause-001", "ok")),
        ("refused", "pause-001", "repeated"),
        *(("taken", "reload-01", None), ("answered", "reload-01", "internal")),
        ("refused", None, "unknown_verb"),
        *(("taken", "snap-0001", None), ("answered", "snap-0001", "unsupported")),
        *(("taken", "resume-01", None), ("answered", "resume-01", "ok")),
    ]
    spool.close()
