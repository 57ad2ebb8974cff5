"""Decode a batch of MQTT messages and store it in the history in one commit."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias

from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.record_proof.chain_book import StoredVerdict, note_verdicts
from edge_node.control_room.history.record_proof.checkpoint_store import add_checkpoint
from edge_node.control_room.history.records import (
    Delivery,
    RetiredRobot,
    ReviewOrigin,
    StoredPicture,
    StoredReview,
)
from edge_node.control_room.ingest.decoding import RobotMessage, UnreadableError, decode
from edge_node.control_room.ingest.trusted_keys import RoomKeys
from edge_node.messages.checkpoint import Checkpoint
from edge_node.messages.finding import Finding
from edge_node.messages.response import Response
from edge_node.messages.review import parse_review
from edge_node.messages.shadow import Disagreement
from edge_node.messages.status import Health, Status
from edge_node.messages.verdict import Verdict
from edge_node.unprintable import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.admission import Admission
    from edge_node.mqtt.types import Incoming

_Decoded: TypeAlias = "tuple[Incoming, RobotMessage | UnreadableError | None]"

_MAX_DETAIL = 200
_MAX_TOPIC = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was stored.

    Attributes:
        is_news: false for a duplicate.
        replayed: it waited in the robot's spool while the link was down.
    """

    message: RobotMessage
    received_at: datetime
    is_news: bool
    replayed: bool = False


def store(  # noqa: PLR0913  each is a part, by name
    history: History,
    batch: Sequence[Incoming],
    now: datetime | None = None,
    *,
    keys: RoomKeys | None = None,
    admission: Admission | None = None,
    in_transaction: Callable[[Sequence[Arrival]], None] = lambda _arrivals: None,
) -> list[Arrival]:
    """Store a batch, all of it or nothing, and return its messages; count unreadable ones.

    Args:
        history: of the control room.
        batch: messages in the order in which they were received.
        now: when that was; the wall clock if not given.
        keys: by which signatures are checked; nothing signed is trusted if not given.
        admission: tells whose messages are stored; all robots' if not given.
        in_transaction: called with what is stored, before it is committed.

    Raises:
        HistoryError: nothing was stored; the disk may be full.
    """
    received_at, keys = now or datetime.now(timezone.utc), keys or RoomKeys()
    decoded = [(incoming, _decode(incoming)) for incoming in batch]  # before others have to wait for us
    try:
        with _open_transaction(history, decoded, admission):
            arrivals = _store_all(history, decoded, received_at, keys, admission)
            in_transaction(arrivals)
            return arrivals
    except (ValueError, OverflowError, TypeError) as err:
        if len(batch) > 1:  # one message fails: store the others one by one
            parts = {"keys": keys, "admission": admission, "in_transaction": in_transaction}
            alone = ([message] for message in batch)
            return [arrival for one in alone for arrival in store(history, one, now, **parts)]  # type: ignore[arg-type]
        _log.exception("a message that decodes cannot be stored")
        note_refused(history, f"cannot be kept: {type(err).__name__}", batch[0].topic, str(err))
        return []


def note_refused(history: History, reason: str, topic: str, detail: str) -> None:
    """Count a message that was not stored, with its topic and a detail, which anybody may have written."""
    history.note_refused(
        reason, replace_unprintable(topic[:_MAX_TOPIC]), replace_unprintable(detail[:_MAX_DETAIL])
    )


def _decode(incoming: Incoming) -> RobotMessage | UnreadableError | None:
    try:
        return decode(incoming)
    except UnreadableError as err:
        return err


@contextlib.contextmanager
def _open_transaction(
    history: History, decoded: Sequence[_Decoded], admission: Admission | None
) -> Iterator[None]:
    """Open the transaction of a batch: where processes share the history, beside those for other robots.

    What is counted for the room, and robots that are new, want the history alone: two processes must not let
    in one robot too many.
    """
    found = [message for _, message in decoded if message is not None]
    robots = {(one.site, one.robot) for one in found if not isinstance(one, UnreadableError)}
    is_plain = not any(isinstance(one, UnreadableError) for one in found) and (
        admission is None or all(admission.knows(*robot) for robot in robots)
    )
    if not history.database.is_shared:
        with history.transaction():
            yield
    elif is_plain:
        with history.database.transaction(robots=sorted(robots)):
            yield
    else:
        with history.transaction():
            if admission is not None:
                admission.look(at_once=True)
            yield


def _store_all(
    history: History,
    decoded: Sequence[_Decoded],
    received_at: datetime,
    keys: RoomKeys,
    admission: Admission | None,
) -> list[Arrival]:
    arrivals = []
    verdicts: list[StoredVerdict] = []
    waiting: Counter[tuple[str, str]] = Counter()
    for incoming, message in decoded:
        if message is None:
            continue
        if isinstance(message, UnreadableError):
            note_refused(history, str(message), incoming.topic, message.detail)
        elif admission is not None and not admission.admits(message.site, message.robot):
            if not isinstance(message, RetiredRobot):
                waiting[message.site, message.robot] += 1
        elif isinstance(message, Verdict):
            stored = StoredVerdict(message, incoming.payload, hashlib.sha256(incoming.payload).digest())
            arrival = _store_verdict(history, stored, incoming, received_at)
            arrivals.append(arrival)
            if arrival.is_news:
                verdicts.append(stored)
        else:
            arrivals.append(_store_message(history, message, incoming, received_at, keys))
    if verdicts:
        note_verdicts(history.database, verdicts)
    for (site, robot), messages in waiting.items():
        history.note_waiting(site, robot, messages, received_at)
    return arrivals


def _store_verdict(
    history: History, stored: StoredVerdict, incoming: Incoming, received_at: datetime
) -> Arrival:
    replayed = _is_replayed(incoming)
    is_news = history.add_verdict(
        stored.verdict,
        payload=stored.payload,
        sha256=stored.sha256,
        received_at=received_at,
        replayed=replayed,
    )
    return Arrival(stored.verdict, received_at, is_news, replayed)


def _is_replayed(incoming: Incoming) -> bool:
    return ("replayed", "true") in incoming.user


def _store_message(
    history: History, message: RobotMessage, incoming: Incoming, received_at: datetime, keys: RoomKeys
) -> Arrival:
    is_news = True
    if isinstance(message, Finding):
        is_news = history.add_finding(message, received_at=received_at)
    elif isinstance(message, Status):
        history.set_status(message, received_at=received_at, is_retained=incoming.is_retained)
    elif isinstance(message, RetiredRobot):
        is_news = history.retire(message.site, message.robot)
    elif isinstance(message, Health):
        history.set_health(message, received_at=received_at)
    elif isinstance(message, Response):
        is_news = _store_response(history, message, received_at, keys)
    elif isinstance(message, Disagreement):
        is_news = history.add_disagreement(message, received_at=received_at)
    elif isinstance(message, Checkpoint):
        is_news = _store_checkpoint(history, message, incoming, received_at, keys)
    elif isinstance(message, StoredPicture):
        is_news = history.add_picture(message, received_at=received_at)
    return Arrival(message, received_at, is_news, _is_replayed(incoming))


def _store_response(history: History, message: Response, received_at: datetime, keys: RoomKeys) -> bool:
    is_news = history.add_response(message, received_at=received_at)
    if is_news:
        _store_review(history, message, keys)
    return is_news


def _store_checkpoint(
    history: History, found: Checkpoint, incoming: Incoming, received_at: datetime, keys: RoomKeys
) -> bool:
    """Store a checkpoint that the robot's key signed, or one of a robot whose key this room does not know."""
    is_trusted = keys.signed(found, incoming.payload)
    if not is_trusted and keys.has_key_of(found.site, found.robot):
        reason = "checkpoint: not signed by a key that [robots] names for its robot"
        note_refused(history, reason, incoming.topic, f"key {found.key_id[:16]}, checkpoint {found.id}")
        return False
    received_us = to_us(received_at)
    return add_checkpoint(history.database, found, incoming.payload, received_us, is_trusted=is_trusted)


def _store_review(history: History, response: Response, keys: RoomKeys) -> None:
    """Store the review that a robot says to have recorded.

    One that this room sent stays as the person gave it, whatever the robot says of it: only its delivery is
    told. Any other is the robot's claim, unless a person's key signed it.
    """
    signed = keys.read_signed_review(response)
    found, review_id = signed or parse_review(response), response.command_id
    if found is None or review_id is None or not found.subject.startswith(f"{response.robot}:"):
        return
    for known in history.reviews(finding_id=found.subject):
        if (known.review_id, known.site, known.robot) == (review_id, response.site, response.robot):
            if known.origin != ReviewOrigin.ROBOT.value:  # it may come after the sender's timeout
                history.answer_review(review_id, Delivery.DONE, response.text)
            return
    labels = {"outcome": found.outcome.value if found.outcome else None, "material": found.material}
    labels |= {"form": found.form, "severity": found.severity}
    history.learn_review(
        StoredReview(
            review_id=review_id,
            site=response.site,
            robot=response.robot,
            finding_id=found.subject,
            opinion=found.judgement,
            note=found.note or "",
            reviewer=found.by,
            reviewed_at=found.at,
            corrections={name: label for name, label in labels.items() if label is not None},
            delivery=Delivery.DONE,
            answer=response.text,
            origin=(ReviewOrigin.SIGNED if signed else ReviewOrigin.ROBOT).value,
            evidence_sha256=found.evidence_sha256 or "",
        )
    )
