"""Checkpoints: signed over their own bytes, so that anybody can check them."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec

from edge_node.messages.checkpoint import Checkpoint, GivenUp, seal, split_seal

CHECKPOINT = Checkpoint(
    id="robot:epoch:checkpoint:1",
    seq=1,
    site="site",
    robot="robot",
    epoch="epoch",
    last_seq=7,
    last_sha256="ab" * 32,
    previous_epoch=None,
    given_up=(GivenUp(epoch="epoch", first=2, last=3),),
    final=False,
    at=datetime(2026, 11, 30, tzinfo=timezone.utc),
    monotonic_ns=1,
    boot_id="boot",
    time_quality="unknown",
    key_id="cd" * 32,
)


def test_the_signature_covers_every_byte_before_it() -> None:
    """A payload is its signed bytes, then the signature as its last field."""
    signed: list[bytes] = []
    payload = seal(CHECKPOINT, lambda content: signed.append(content) or "c2ln")
    assert split_seal(payload) == (signed[0], "c2ln")
    assert payload == signed[0] + b',"signature":"c2ln"}'
    assert msgspec.json.decode(payload, type=Checkpoint) == msgspec.structs.replace(
        CHECKPOINT, signature="c2ln"
    )


def test_what_carries_no_signature_at_its_end_has_none() -> None:
    """A payload that was encoded again in another order or with spaces cannot be checked."""
    for payload in (b"", b"{}", b'{"signature":"x","a":1}', b'{"a":1, "signature": "x"}'):
        assert split_seal(payload) is None
