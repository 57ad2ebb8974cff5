"""The gate of commands: clock, repetition, rate, topic and signature, and hostile bytes."""

from __future__ import annotations

import base64
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.commands.admission import AdmittedCommand, CommandAdmission, RefusedCommand
from edge_node.config.delivery_sections import CommandsConfig
from edge_node.errors import ConfigError
from edge_node.messages.command import Verb
from edge_node.mqtt.types import Incoming
from edge_node.signing import signed_bytes
from tests.support.commands import BASE, NOW, TOPICS, gate, incoming, refusal

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("with_key", [True, False])
def test_floods_do_not_use_up_the_budget_of_good_commands(key_pair, monkeypatch, with_key: bool) -> None:
    """20/s of junk, of unsigned, wrongly signed and repeated commands on ping: six commands, six answers."""
    key, file = key_pair
    clock_s = [1000.0]
    monkeypatch.setattr("edge_node.commands.admission.time.monotonic", lambda: clock_s[0])

    def signed(message: Incoming, *, forged: bool = False) -> Incoming:
        content = b"other bytes" if forged else signed_bytes(message.topic, message.payload)
        signature = base64.b64encode(key.sign(content)).decode()
        return Incoming(message.topic, message.payload, is_retained=False, user=(("signature", signature),))

    def fresh(verb: str = "ping") -> Incoming:
        return incoming(verb, id=uuid.uuid4().hex)

    door = gate(public_key_file=str(file)) if with_key else gate()
    junk = Incoming(f"{TOPICS.base}/cmd/ping", b"{}", is_retained=False)
    heard = signed(fresh())
    assert isinstance(door.judge(heard), AdmittedCommand)
    verb, answered, refusals = ("ping", 0, 0) if with_key else ("pause", 0, 0)
    for step in range(20 * 60):
        clock_s[0] += 0.05
        flood = (junk, fresh(), signed(fresh(), forged=True), heard)[step % 4]
        refusals += isinstance(door.judge(flood), RefusedCommand)
        if step % 200 == 100:
            answered += isinstance(door.judge(signed(fresh(verb))), AdmittedCommand)
    assert answered == 6
    assert refusals <= 2 * (10 + 30) + 7  # two budgets of answers, and a count every 10 s


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
