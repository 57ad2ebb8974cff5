"""Commands from the control room: signed, answered, and told apart from who does not listen."""

from __future__ import annotations

import hashlib
import json
import stat
from typing import TYPE_CHECKING

import cv2
import pytest

from edge_node.config.sections import example_config
from edge_node.control_room.robots.commander import Commander, Ending, build_command
from edge_node.demo.run import CLIP
from edge_node.errors import CorrosionError
from edge_node.evidence.marked_jpeg import read_marking
from edge_node.messages.command import Verb
from edge_node.messages.topics import Topics
from edge_node.mqtt.types import Endpoint
from edge_node.signing import load_signer, make_key_pair
from tests.support.collector import Collector
from tests.support.processes import command, daemon, wait_for

if TYPE_CHECKING:
    from pathlib import Path


TOPICS = Topics("quay", "crawler-1")
SITE_ROBOT = ("--robot", "quay/crawler-1")


@pytest.fixture(scope="module")
def rust(tmp_path_factory) -> Path:
    """A folder with frames of corroded steel only: its finding stays open for as long as a test wants."""
    folder = tmp_path_factory.mktemp("rust")
    video = cv2.VideoCapture(str(CLIP))
    for number in range(100):
        read, pixels = video.read()
        assert read
        if number >= 60:
            cv2.imwrite(str(folder / f"{number:03}.png"), pixels)
    return folder


def write_config(folder: Path, source: Path, port: int, **commands) -> Path:
    """A node that looks at ``source`` for ever and keeps pictures."""
    path = folder / "node.toml"
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(folder / "state")},
            camera={"source": str(source), "fps": 10.0, "loop": True},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": port, "keep_alive_s": 2},
            commands=commands,
        ),
        encoding="utf-8",
    )
    return path


def commander(port: int, **settings) -> Commander:
    """One that speaks to the broker on ``port``."""
    return Commander(Endpoint("127.0.0.1", port, "room"), **settings)


def documents(room: Collector, leaf: str) -> list[dict]:
    """What came on one topic of the robot."""
    return [json.loads(message.payload) for message in room.of(f"{TOPICS.base}/{leaf}")]


def test_a_signed_review_reaches_the_robots_audit_its_finding_and_its_evidence(mosquitto, rust, tmp_path):
    """From two commands on a terminal to a record that survives SIGKILL; unsigned ones change nothing."""
    made = command("edge_node.cli", "command", "keygen", "room.pem", cwd=str(tmp_path))
    assert made.returncode == 0, made.stderr
    key = tmp_path / "room.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    config = write_config(tmp_path, rust, mosquitto.port, public_key_file=str(tmp_path / "room.public.pem"))
    broker = ("--broker", f"127.0.0.1:{mosquitto.port}")
    with Collector(mosquitto.port, client_id="watcher") as room, daemon(config) as process:
        wait_for(lambda: documents(room, "finding"), 60, "a finding")
        found = documents(room, "finding")[0]
        review = ("review", found["id"], "disputed", "--outcome", "uncorroded", "--by", "Анна 李")
        unsigned = command("edge_node.cli", "command", *broker, *SITE_ROBOT, *review)
        assert (unsigned.returncode, "refuses review (unsigned)" in unsigned.stderr) == (1, True)
        signed = command(
            "edge_node.cli", "command", *broker, *SITE_ROBOT, "--key", str(key), *review, "--json"
        )
        assert signed.returncode == 0, signed.stdout + signed.stderr
        reply = json.loads(signed.stdout)
        assert (reply["ending"], reply["code"]) == ("done", "recorded")
        assert reply["data"]["finding_open"] is True
        assert reply["data"]["evidence_kept"] is True
        sha256 = reply["data"]["evidence_sha256"]
        wait_for(lambda: any("review" in said and said["review"] for said in documents(room, "finding")))
        marked = next(said for said in documents(room, "finding") if said["review"])
        assert marked["state"] == "updated"
        assert marked["review"]["by"] == "Анна 李"
        assert marked["review"]["outcome"] == "uncorroded"
        wait_for(
            lambda: any(m.user["size"] == "full" for m in room.of(TOPICS.evidence(sha256))), 20, "the picture"
        )
        whole = next(m for m in room.of(TOPICS.evidence(sha256)) if m.user["size"] == "full")
        assert hashlib.sha256(whole.payload).hexdigest() == sha256
        assert read_marking(whole.payload).corroded is not None
        asked = commander(mosquitto.port, sign=load_signer(key))
        elsewhere = asked.send(
            TOPICS, Verb.REVIEW, {"subject": "other:e:f1", "judgement": "confirmed", "by": "x"}
        )
        assert (elsewhere.ending, elsewhere.code) == (Ending.REFUSED, "not_ours")
        never = found["id"].rpartition(":")[0] + ":f999999"
        unknown = asked.send(TOPICS, Verb.REVIEW, {"subject": never, "judgement": "confirmed", "by": "x"})
        assert unknown.code == "unknown_subject"
        label = asked.send(
            TOPICS,
            Verb.REVIEW,
            {"subject": found["id"], "judgement": "confirmed", "by": "x", "severity": "awful"},
        )
        assert "known are none, mid, late" in label.sentence
        process.kill()
    audit = command("edge_node.cli", "audit", "--config", str(config), "--verb", "review")
    lines = [line.split() for line in audit.stdout.splitlines()]
    recorded = [line for line in lines if reply["command_id"] in line]
    assert [(line[1], "signed" in line) for line in recorded] == [("taken", True), ("answered", False)]
    assert 'by="Анна' in recorded[0]
    assert (tmp_path / "state" / "evidence" / "reviewed" / f"{sha256}.jpg").is_file()


def test_who_does_not_answer_is_told_from_who_does_not_listen(mosquitto):
    """A robot that is not there is known at once; one that is silent after the timeout; both are exit 1."""
    broker = ("--broker", f"127.0.0.1:{mosquitto.port}")
    absent = command("edge_node.cli", "command", *broker, *SITE_ROBOT, "ping")
    assert absent.returncode == 1
    assert "nobody listens" in absent.stderr
    assert len(absent.stderr.splitlines()) == 1
    with Collector(mosquitto.port) as silent:
        waited = commander(mosquitto.port, timeout_s=0.5).send(TOPICS, Verb.PING)
        assert (waited.ending, waited.took_ms > 450) == (Ending.TIMEOUT, True)
        assert "no answer within 0.5 s" in waited.sentence
        # What others say on the response topic is not taken for the answer.
        sent = silent.of(f"{TOPICS.base}/cmd/ping")[-1]
        assert sent.correlation
        assert json.loads(sent.payload)["id"] == waited.command_id


def test_a_signature_needs_the_newer_protocol(tmp_path):
    """MQTT 3.1.1 has nowhere to put it."""
    make_key_pair(tmp_path / "k.pem")
    with pytest.raises(CorrosionError, match="need MQTT v5"):
        Commander(Endpoint("h", 1, "c", is_v5=False), load_signer(tmp_path / "k.pem"))


def test_every_verb_is_built_fresh():
    """Two of the same differ in id; both expire."""
    first, second = (
        json.loads(build_command(Verb.PING, {}, lifetime_s=5, command_id=f"id-{n}-0000")) for n in "ab"
    )
    assert first["id"] != second["id"]
    assert first["expires_at"] > first["issued_at"]


@pytest.mark.parametrize("name", ["schema", "id", "issued_at", "expires_at"])
def test_nobody_sets_what_the_sender_sets(name):
    """A person at the page does not choose how long a command holds, or give it another one's id."""
    given = {name: {"schema": "corrosion/v1", "id": "i" * 32}.get(name, "2099-01-01T00:00:00Z")}
    with pytest.raises(CorrosionError, match=f"ping: {name} is set by the control room"):
        build_command(Verb.PING, given, lifetime_s=5, command_id="id-a-0000")
