"""The gate of commands: clock, repetition, rate, topic and signature, and hostile bytes."""

from __future__ import annotations

import base64
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.clock_floor import from_unix
from edge_node.commands.admission import AdmittedCommand, CommandAdmission, RefusedCommand
from edge_node.config.delivery_sections import CommandsConfig
from edge_node.errors import ConfigError
from edge_node.messages.command import Verb
from edge_node.mqtt.types import Incoming
from edge_node.signing import signed_bytes
from edge_node.spool.rows import MAX_NONCES
from tests.support.clocks import BUILT, TRUTH, SetClock
from tests.support.commands import BASE, NOW, TOPICS, command_at, gate, incoming, refusal, signed_by

if TYPE_CHECKING:
    from pathlib import Path


def test_time_is_checked_against_our_clock() -> None:
    """Expired, from the future, and living for too long are refused; half a minute of skew is not."""
    assert refusal(gate(NOW + timedelta(minutes=1)).judge(incoming())) == "expired"
    assert refusal(gate(NOW - timedelta(seconds=31)).judge(incoming())) == "clock"
    assert isinstance(gate(NOW - timedelta(seconds=29)).judge(incoming()), AdmittedCommand)
    assert refusal(gate().judge(incoming(expires_at="2026-01-01T12:10:01Z"))) == "lifetime"


def test_a_repeated_and_a_retained_command_are_refused() -> None:
    """What was taken once, also before a restart, and what a broker kept, is not carried out."""
    door = gate()
    assert isinstance(door.judge(incoming()), AdmittedCommand)
    assert refusal(door.judge(incoming())) == "repeated"
    assert refusal(gate().judge(incoming(retained=True))) == "retained"
    floor = SetClock(NOW, "synchronized").floor()
    restarted = CommandAdmission(CommandsConfig(), TOPICS, {BASE["id"]: 4e9}, floor)
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


@pytest.mark.parametrize("quality", ["not_synchronized", "unknown", "synchronized"])
def test_a_clock_below_the_floor_makes_nothing_fresh(quality) -> None:
    """A robot that starts in 1970 refuses what the floor calls expired, and takes what is later than it."""
    clock = SetClock(datetime(1970, 1, 1, tzinfo=timezone.utc), quality)
    door = CommandAdmission(CommandsConfig(), TOPICS, {}, clock.floor())
    assert refusal(door.judge(command_at(BUILT - timedelta(hours=1), "old-00001"))) == "expired"
    assert isinstance(door.judge(command_at(TRUTH, "new-00001")), AdmittedCommand)


def test_an_unsigned_command_does_not_raise_the_floor() -> None:
    """Whoever may send commands without a signature cannot make those of others expire."""
    clock = SetClock(datetime(1970, 1, 1, tzinfo=timezone.utc))
    floor = clock.floor()
    door = CommandAdmission(CommandsConfig(), TOPICS, {}, floor)
    assert isinstance(door.judge(command_at(TRUTH + timedelta(days=400), "far-00001")), AdmittedCommand)
    assert from_unix(floor.read().floor_s) == BUILT
    assert isinstance(door.judge(command_at(TRUTH, "now-00001")), AdmittedCommand)


def test_a_signed_command_raises_the_floor_of_a_robot_without_a_clock(key_pair) -> None:
    """From then on the floor tells expired from fresh, whatever the wall clock says."""
    key, file = key_pair
    clock = SetClock(datetime(1970, 1, 1, tzinfo=timezone.utc))
    floor = clock.floor()
    door = CommandAdmission(CommandsConfig(public_key_file=str(file)), TOPICS, {}, floor)
    forged = command_at(TRUTH + timedelta(days=400), "forged-01")
    assert refusal(door.judge(forged)) == "unsigned"
    assert from_unix(floor.read().floor_s) == BUILT
    assert isinstance(door.judge(signed_by(key, command_at(TRUTH, "first-001"))), AdmittedCommand)
    assert timedelta() <= TRUTH - from_unix(floor.read().floor_s) <= timedelta(seconds=30)
    late = signed_by(key, command_at(TRUTH - timedelta(seconds=1), "late-0001"))
    clock.run(120)
    judged = door.judge(late)
    assert refusal(judged) == "expired"
    assert "edge-node clock" in judged.text


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_clock_in_doubt_believes_two_commands_of_one_running_clock(key_pair, is_signed) -> None:
    """A robot two days late refuses the first, says what to do, and takes the next."""
    key, file = key_pair
    clock = SetClock(TRUTH - timedelta(days=2))
    config = CommandsConfig(public_key_file=str(file) if is_signed else None)
    floor = clock.floor()
    door = CommandAdmission(config, TOPICS, {}, floor)

    def send(moment: datetime, name: str):
        message = command_at(moment, name)
        return door.judge(signed_by(key, message) if is_signed else message)

    first = send(TRUTH, "first-001")
    assert refusal(first) == "clock"
    assert "give it again" in first.text
    assert refusal(send(TRUTH, "first-001")) == "clock"  # the same bytes again prove nothing
    assert refusal(send(TRUTH + timedelta(hours=1), "other-001")) == "clock"
    assert refusal(send(TRUTH + timedelta(seconds=8), "next-0001")) == "clock"
    assert isinstance(send(TRUTH + timedelta(seconds=9), "next-0002"), AdmittedCommand)
    assert isinstance(send(TRUTH + timedelta(seconds=10), "next-0003"), AdmittedCommand)
    assert (floor.read().below_s > 0) is is_signed


def test_a_trusted_clock_is_not_moved_by_a_signed_command(key_pair) -> None:
    """A sender whose clock is 400 days ahead is refused, and costs nobody else anything."""
    key, file = key_pair
    clock = SetClock(TRUTH, "synchronized")
    floor = clock.floor()
    door = CommandAdmission(CommandsConfig(public_key_file=str(file)), TOPICS, {}, floor)
    ahead = signed_by(key, command_at(TRUTH + timedelta(days=400), "ahead-001"))
    assert refusal(door.judge(ahead)) == "clock"
    assert isinstance(door.judge(signed_by(key, command_at(TRUTH, "right-001"))), AdmittedCommand)


@pytest.mark.parametrize("is_signed", [True, False])
def test_ids_beyond_the_bound_never_lock_out_who_may_send(key_pair, is_signed) -> None:
    """With a key an id is kept until the floor passed its expiry; without one the first to expire goes."""
    key, file = key_pair
    clock = SetClock(TRUTH)
    floor = clock.floor()
    config = CommandsConfig(public_key_file=str(file) if is_signed else None)
    kept = {f"{n:08}": TRUTH.timestamp() + 60 + n for n in range(MAX_NONCES)}
    door = CommandAdmission(config, TOPICS, kept, floor)

    def send(name: str):
        message = command_at(clock.wall, name)
        return door.judge(signed_by(key, message) if is_signed else message)

    if is_signed:
        assert refusal(send("one-00001")) == "busy"
        clock.run(90)
        floor.set_floor(clock.wall)
    assert isinstance(send("two-00001"), AdmittedCommand)
    assert refusal(send("00009999")) == "repeated"


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
