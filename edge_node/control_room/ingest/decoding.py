"""Decode MQTT messages of robots strictly, or give the reason in one sentence. No I/O.

Any client with the right to publish may send anything: a message is accepted only if it matches its schema,
names the robot of its topic, and has no number or text that the history cannot store.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from edge_node.control_room.history.records import RetiredRobot, StoredPicture
from edge_node.errors import ConfigError
from edge_node.messages.checkpoint import MAX_RANGES, Checkpoint
from edge_node.messages.finding import Finding
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.response import Response
from edge_node.messages.shadow import Disagreement
from edge_node.messages.status import Health, Status
from edge_node.messages.topics import ROOT, Topics
from edge_node.messages.verdict import Verdict
from edge_node.unprintable import find_unprintable, replace_unprintable
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.mqtt.types import Incoming

RobotMessage: TypeAlias = (
    Verdict | Finding | Status | Health | Response | Disagreement | Checkpoint | StoredPicture | RetiredRobot
)

LEAVES = ("verdict", "finding", "status", "health", "rsp", "shadow", "evidence/+", "checkpoint")
MAX_MESSAGE_BYTES = 64 * 1024  # a verdict is 1-2 kB
MAX_PICTURE_BYTES = 2_000_000  # the broker's message_size_limit
MAX_EPOCH = 64  # characters
MAX_NUMBER = 2**53  # largest whole number that all JSON readers represent exactly
_MAX_ID = 200
_SHA256 = re.compile(r"[0-9a-f]{64}")
_JPEG = b"\xff\xd8\xff"
_EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LATEST = datetime(2200, 1, 1, tzinfo=timezone.utc)
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "verdict": msgspec.json.Decoder(Verdict),
    "finding": msgspec.json.Decoder(Finding),
    "status": msgspec.json.Decoder(Status),
    "health": msgspec.json.Decoder(Health),
    "rsp": msgspec.json.Decoder(Response),
    "shadow": msgspec.json.Decoder(Disagreement),
    "checkpoint": msgspec.json.Decoder(Checkpoint),
}
_TIMES = {
    "verdict": ("observed_at",),
    "finding": ("first_observed_at", "last_observed_at"),
    "status": ("since",),
    "health": ("at",),
    "rsp": ("at",),
    "shadow": ("at", "observed_at"),
    "checkpoint": ("at",),
}


class UnreadableError(Exception):
    """A message cannot be decoded; the text is the reason without details, so that reasons can be counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


def filters(site: str = "+", robot: str = "+") -> tuple[str, ...]:
    """Return the topic filters to subscribe to; not ``latest``, which only repeats verdicts."""
    return tuple(f"{ROOT}/{site}/{robot}/{leaf}" for leaf in LEAVES)


def decode(message: Incoming) -> RobotMessage | None:
    """Decode a message; None for a form of evidence that the control room does not use.

    Raises:
        UnreadableError: it is not a valid message of a robot.
    """
    levels = message.topic.split("/")
    if len(levels) < 5 or "/".join(levels[:2]) != ROOT:
        raise UnreadableError("topic of another shape")
    site, robot, leaf = levels[2:5]
    try:
        topics = Topics(site, robot)
    except ConfigError:
        raise UnreadableError("site or robot is no id") from None
    if leaf == "evidence":
        return _decode_picture(topics, "/".join(levels[5:]), message)
    decoder = _DECODERS.get(leaf)
    if decoder is None or len(levels) != 5:
        raise UnreadableError("topic of another shape")
    if leaf == "status" and not message.payload:
        return RetiredRobot(site, robot)
    return _check(topics, leaf, _decode_payload(decoder, leaf, message.payload))


def _decode_payload(decoder: msgspec.json.Decoder[Any], leaf: str, payload: bytes) -> Any:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise UnreadableError(f"{leaf}: larger than {MAX_MESSAGE_BYTES} bytes", f"{len(payload)} bytes")
    try:
        found = decoder.decode(payload)
        text = msgspec.json.encode(found).decode("utf-8")  # lone surrogates decode, but cannot be stored
        if not text.isascii() or "\\u" in text or "\x7f" in text:
            found = _replace_unprintable(decoder, found)
    except msgspec.ValidationError as err:
        raise UnreadableError(f"{leaf}: not as the schema says", describe_invalid(err)) from None
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as err:
        raise UnreadableError(f"{leaf}: not JSON", str(err)) from None
    return found


def _replace_unprintable(decoder: msgspec.json.Decoder[Any], found: Any) -> Any:
    """Return a message without characters that make a terminal or a page show another text."""
    plain = msgspec.to_builtins(found)
    if not find_unprintable(plain, allows_layout=True):
        return found
    return decoder.decode(msgspec.json.encode(replace_unprintable(plain)))


def _check(topics: Topics, leaf: str, found: Any) -> RobotMessage:
    if (found.site, found.robot) != (topics.site, topics.robot):
        raise UnreadableError(
            f"{leaf}: speaks of another robot than its topic", f"{found.site}/{found.robot}"
        )
    times = {name: _with_zone(getattr(found, name)) for name in _TIMES[leaf]}
    for name, at in times.items():
        if not _EARLIEST <= at <= _LATEST:
            raise UnreadableError(f"{leaf}: {name} is no time of this age", str(at))
    found = msgspec.structs.replace(found, **times)
    if (check := _CHECKS.get(type(found))) is not None:
        check(found)
    return found  # type: ignore[no-any-return]  # the type of this leaf's decoder


def _check_finding(found: Finding) -> None:
    if not found.id.startswith(f"{found.robot}:") or len(found.id) > _MAX_ID:
        raise UnreadableError("finding: id is not this robot's", found.id)
    if found.frames > MAX_NUMBER:
        raise UnreadableError("finding: frames is too large")


def _check_disagreement(found: Disagreement) -> None:
    robot, epoch, seq = split_verdict_id(found.verdict)
    if robot != found.robot or not 0 < len(epoch) <= MAX_EPOCH or not _is_number(seq):
        raise UnreadableError("shadow: verdict is no id of this robot's", found.verdict[:_MAX_ID])
    if found.evidence_sha256 is not None and not _SHA256.fullmatch(found.evidence_sha256):
        raise UnreadableError("shadow: evidence_sha256 is no hash", found.evidence_sha256[:_MAX_ID])


def _check_response(found: Response) -> None:
    if len(found.id) > _MAX_ID or len(found.command_id or "") > _MAX_ID or found.seq > MAX_NUMBER:
        raise UnreadableError("rsp: id or number is too large")


def _check_checkpoint(found: Checkpoint) -> None:
    before = found.previous_epoch
    ranges = [
        (found.epoch, 1, max(found.last_seq, 1)),
        *((one.epoch, one.first, one.last) for one in found.given_up),
    ]
    ranges += [(before.epoch, 1, before.seq)] if before is not None else []
    for epoch, first, last in ranges:
        if not 0 < len(epoch) <= MAX_EPOCH or not first <= last <= MAX_NUMBER:
            raise UnreadableError("checkpoint: no epoch and numbers", f"{epoch[:MAX_EPOCH]} {first}-{last}")
    if len(found.given_up) > MAX_RANGES or found.seq > MAX_NUMBER:
        raise UnreadableError("checkpoint: names too much")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16 and 0 < int(text) <= MAX_NUMBER


def _check_verdict(found: Verdict) -> None:
    if found.seq > MAX_NUMBER:
        raise UnreadableError("verdict: seq is too large")
    before = found.previous_epoch
    if before is not None and not (0 < len(before.epoch) <= MAX_EPOCH and before.seq <= MAX_NUMBER):
        raise UnreadableError("verdict: previous_epoch is too large", before.epoch[:MAX_EPOCH])
    robot, epoch, seq = split_verdict_id(found.id)
    if robot != found.robot or seq != str(found.seq) or not 0 < len(epoch) <= MAX_EPOCH:
        raise UnreadableError("verdict: id is not ROBOT:EPOCH:SEQ", found.id)


_CHECKS: dict[type, Callable[[Any], None]] = {
    Verdict: _check_verdict,
    Finding: _check_finding,
    Disagreement: _check_disagreement,
    Checkpoint: _check_checkpoint,
    Response: _check_response,
}


def _decode_picture(topics: Topics, sha256: str, message: Incoming) -> StoredPicture | None:
    try:
        topics.evidence(sha256)
    except ValueError:
        raise UnreadableError("evidence: not named by a hash", sha256) from None
    size = dict(message.user).get("size", "full")
    if size not in ("full", "thumbnail"):
        return None  # the full picture with the map drawn on it: the page draws the map itself
    if len(message.payload) > MAX_PICTURE_BYTES:
        raise UnreadableError(f"evidence: larger than {MAX_PICTURE_BYTES} bytes", sha256)
    if not message.payload.startswith(_JPEG):
        raise UnreadableError("evidence: no JPEG", sha256)
    if size == "full" and hashlib.sha256(message.payload).hexdigest() != sha256:
        raise UnreadableError("evidence: not the picture that its name promises", sha256)
    return StoredPicture(
        site=topics.site,
        robot=topics.robot,
        sha256=sha256,
        is_thumbnail=size == "thumbnail",
        content=message.payload,
    )


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
