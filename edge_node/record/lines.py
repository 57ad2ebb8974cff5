"""Read verdicts and checkpoints from the lines of an export, keeping the payload's bytes as published.

A line is a payload alone (``edge-node spool export``, ``mosquitto_sub``), a topic and a payload
(``mosquitto_sub -v``), or a JSON object with both (``mosquitto_sub -F %j``, ``edge-node watch --json``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from edge_node.messages.checkpoint import Checkpoint, split_seal
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.topics import ROOT
from edge_node.messages.verdict import EpochEnd, Sha256

_SHOWN = 80  # characters of an error


class LineError(Exception):
    """A line is no message of a robot, or contradicts itself; the text says why."""


class _Head(msgspec.Struct):
    """The fields by which messages are told apart, and those of a verdict that matter here."""

    id: str
    seq: int
    site: str
    robot: str
    outcome: str | None = None
    frame_id: int | None = None
    last_seq: int | None = None
    key_id: str | None = None
    previous_sha256: Sha256 | msgspec.UnsetType | None = msgspec.UNSET
    previous_epoch: EpochEnd | msgspec.UnsetType | None = msgspec.UNSET


class _Wrapped(msgspec.Struct):
    topic: str
    payload: msgspec.Raw


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One verdict of a record.

    Attributes:
        robot: site and robot.
        sha256: of the payload's bytes.
        previous_sha256: what it says of the payload before; None for the first of an epoch.
        before: the end of the epoch before, in the first of an epoch.
        is_chained: false if a version without the chain made it.
    """

    robot: str
    epoch: str
    seq: int
    sha256: str
    previous_sha256: str | None
    before: EpochEnd | None
    is_chained: bool


@dataclass(frozen=True, slots=True)
class CheckpointLine:
    """One checkpoint of a record, with the bytes that its signature covers."""

    robot: str
    checkpoint: Checkpoint
    head: bytes


Line: TypeAlias = VerdictLine | CheckpointLine


def parse_line(line: bytes) -> Line | None:
    """Return the verdict or checkpoint in a line; None for another message of a robot.

    Raises:
        LineError: it is none.
    """
    topic, payload = _split(line.strip(b"\r\n"))
    leaf = topic.rsplit("/", 1)[-1]
    if topic and leaf not in ("verdict", "checkpoint"):
        return None
    try:
        head = msgspec.json.decode(payload, type=_Head)
        if topic and topic != f"{ROOT}/{head.site}/{head.robot}/{leaf}":
            raise LineError(f"speaks of {head.site}/{head.robot}, but its topic is {topic}")
        if head.last_seq is not None and head.key_id is not None:
            return _checkpoint(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as err:
        if not topic and _is_other_message(payload):
            return None
        raise LineError(f"no message of a robot: {str(err)[:_SHOWN]}") from None
    if head.outcome is None or head.frame_id is None:
        if topic:
            raise LineError(f"no {leaf}, though its topic says so")
        return None
    return _verdict(head, payload)


def _split(line: bytes) -> tuple[str, bytes]:
    """Return topic and payload; the topic is empty where the line has none."""
    if line.startswith(ROOT.encode() + b"/"):
        topic, _, payload = line.partition(b" ")
        return topic.decode("utf-8", "replace"), payload
    if b'"payload"' in line and b'"topic"' in line:
        try:
            wrapped = msgspec.json.decode(line, type=_Wrapped)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return "", line
        payload = bytes(wrapped.payload)
        if payload.startswith(b'"'):
            payload = msgspec.json.decode(payload, type=str).encode()
        return wrapped.topic, payload
    return "", line


def _is_other_message(payload: bytes) -> bool:
    """Tell whether a payload without a topic is a robot's message of another kind: status, health."""
    try:
        found = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return {"schema", "site", "robot"} <= found.keys() and "outcome" not in found and "last_seq" not in found


def _verdict(head: _Head, payload: bytes) -> VerdictLine:
    robot, epoch, seq = split_verdict_id(head.id)
    if robot != head.robot or not epoch or seq != str(head.seq) or head.seq < 1:
        raise LineError(f"id {head.id[:_SHOWN]} is not ROBOT:EPOCH:SEQ of {head.robot}, number {head.seq}")
    is_chained = head.previous_sha256 is not msgspec.UNSET
    return VerdictLine(
        robot=f"{head.site}/{head.robot}",
        epoch=epoch,
        seq=head.seq,
        sha256=hashlib.sha256(payload).hexdigest(),
        previous_sha256=head.previous_sha256 or None,
        before=head.previous_epoch or None,
        is_chained=is_chained,
    )


def _checkpoint(payload: bytes) -> CheckpointLine:
    found = msgspec.json.decode(payload, type=Checkpoint)
    parts = split_seal(payload)
    if parts is None or parts[1] != found.signature:
        raise LineError("a checkpoint whose signature is not its last field: its bytes were changed")
    return CheckpointLine(f"{found.site}/{found.robot}", found, parts[0])
