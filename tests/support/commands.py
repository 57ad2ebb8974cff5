"""Commands as they come from the broker, and the gate that judges them."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone

from msgspec.structs import replace

from edge_node.commands.admission import AdmittedCommand, CommandAdmission, RefusedCommand
from edge_node.config.delivery_sections import CommandsConfig
from edge_node.messages.command import Verb, decode_command
from edge_node.messages.topics import Kind, Topics
from edge_node.mqtt.types import Incoming
from edge_node.signing import signed_bytes
from tests.support.clocks import SetClock

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


def command_at(moment: datetime, name: str, verb: str = "pause") -> Incoming:
    """A command with the id ``name`` that was issued at ``moment`` and lives for a minute."""
    expires_at = moment + timedelta(minutes=1)
    return incoming(verb, id=name, issued_at=moment.isoformat(), expires_at=expires_at.isoformat())


def signed_by(key, message: Incoming) -> Incoming:
    """``message`` with the signature of a private key over its topic and bytes."""
    signature = base64.b64encode(key.sign(signed_bytes(message.topic, message.payload))).decode()
    return replace(message, user=(("signature", signature),))


def gate(now: datetime = NOW, **config) -> CommandAdmission:
    """A gate whose clock is synchronized and stands still."""
    return CommandAdmission(CommandsConfig(**config), TOPICS, {}, SetClock(now, "synchronized").floor())


def refusal(judged) -> str:
    """The code of a refusal."""
    assert isinstance(judged, RefusedCommand), judged
    return judged.code


def admitted(verb: Verb, **arguments) -> AdmittedCommand:
    """Return a command as the receiver admits it; its id is the verb's name."""
    now = datetime.now(timezone.utc)
    document = {
        "schema": "corrosion/v1",
        "id": f"{verb.value}-0001",
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(minutes=1)).isoformat(),
        **arguments,
    }
    return AdmittedCommand(verb, decode_command(verb.value, json.dumps(document).encode()), b"c")


def spooled(spool) -> list[tuple[str, str, str, str]]:
    """Return verb, result, code and text of the responses on disk, in order."""
    assert spool.flush(5)
    found = [json.loads(row.payload) for row in spool.rows(Kind.RESPONSE)]
    return [(one["verb"], one["result"], one["code"], one["text"]) for one in found]
