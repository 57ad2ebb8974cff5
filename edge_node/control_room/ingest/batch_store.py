"""Decode a batch of MQTT messages and store it in the history in one commit."""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import ContendedError, to_us
from edge_node.control_room.history.inserts import insert_verdicts
from edge_node.control_room.history.record_proof.chain_book import StoredVerdict, note_verdicts
from edge_node.control_room.history.record_proof.checkpoint_store import add_checkpoint
from edge_node.control_room.history.records import (
    Delivery,
    RetiredRobot,
    ReviewOrigin,
    StoredPicture,
    StoredReview,
    StoredWithdrawal,
)
from edge_node.control_room.history.reviews import add_withdrawal, answer_withdrawal
from edge_node.control_room.history.verdict_batch import NewVerdict
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
    from collections.abc import Callable, Sequence

    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.admission import Admission
    from edge_node.messages.review import SubjectReview
    from edge_node.mqtt.types import Incoming

_MAX_DETAIL = 200
_MAX_TOPIC = 200
_ATTEMPTS = 5  # beside other processes

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
    now, keys = now or datetime.now(timezone.utc), keys or RoomKeys()
    try:
        if history.database.is_shared and admission is not None and _has_strangers(batch, admission):
            with history.transaction():  # or two processes would let in one robot too many
                admission.look(at_once=True)
                return _store_all(history, _read(batch, admission), now, keys, in_transaction)
        read = _read(batch, admission)
        for attempt in range(_ATTEMPTS):
            try:
                with history.database.transaction(read.robots):
                    return _store_all(history, read, now, keys, in_transaction)
            except ContendedError:  # with another process: the same again, a little later
                time.sleep(random.uniform(0, 0.05) * (attempt + 1))  # noqa: S311
        with history.transaction():  # alone in the room, so nothing can be in the way
            return _store_all(history, read, now, keys, in_transaction)
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


@dataclass(frozen=True, slots=True)
class _Batch:
    """Messages that were decoded, before anything in the history is locked for them.

    Attributes:
        messages: each with the message that it was decoded of.
        refused: reason, topic and detail of those that cannot be read.
        waiting: count of those of robots that nobody has admitted.
        robots: whose rows alone are written; None if others are too.
    """

    messages: list[tuple[Incoming, RobotMessage]]
    refused: list[tuple[str, str, str]]
    waiting: Counter[tuple[str, str]]

    @property
    def robots(self) -> list[tuple[str, str]] | None:
        if self.refused or self.waiting:
            return None
        return sorted({(message.site, message.robot) for _, message in self.messages})


def _read(batch: Sequence[Incoming], admission: Admission | None) -> _Batch:
    found = _Batch([], [], Counter())
    for incoming in batch:
        try:
            message = decode(incoming)
        except UnreadableError as err:
            found.refused.append((str(err), incoming.topic, err.detail))
            continue
        if message is None:
            continue
        if admission is None or admission.admits(message.site, message.robot):
            found.messages.append((incoming, message))
        elif not isinstance(message, RetiredRobot):
            found.waiting[message.site, message.robot] += 1
    return found


def _has_strangers(batch: Sequence[Incoming], admission: Admission) -> bool:
    """Tell whether a robot of a batch is not in yet, by the names in its topics."""
    names = {tuple(incoming.topic.split("/")[2:4]) for incoming in batch}
    return not all(admission.knows(*name) for name in names if len(name) == 2)


def _store_all(
    history: History,
    batch: _Batch,
    received_at: datetime,
    keys: RoomKeys,
    in_transaction: Callable[[Sequence[Arrival]], None],
) -> list[Arrival]:
    """Store verdicts first, as the others tell of them."""
    for reason, topic, detail in batch.refused:
        note_refused(history, reason, topic, detail)
    is_news = _store_verdicts(history, batch, to_us(received_at))
    arrivals = []
    for number, (incoming, message) in enumerate(batch.messages):
        if number in is_news:
            replayed = _is_replayed(incoming)
            arrivals.append(Arrival(message, received_at, is_news[number], replayed))
        else:
            arrivals.append(_store_message(history, message, incoming, received_at, keys))
    for (site, robot), messages in batch.waiting.items():
        history.note_waiting(site, robot, messages, received_at)
    in_transaction(arrivals)
    return arrivals


def _store_verdicts(history: History, batch: _Batch, received_us: int) -> dict[int, bool]:
    """Store the verdicts of a batch; return whether each is new, by its place in the batch."""
    found = {
        number: NewVerdict(
            message,
            incoming.payload,
            hashlib.sha256(incoming.payload).digest(),
            received_us,
            _is_replayed(incoming),
        )
        for number, (incoming, message) in enumerate(batch.messages)
        if isinstance(message, Verdict)
    }
    if not found:
        return {}
    news = insert_verdicts(history.database, list(found.values()))
    stored = [
        StoredVerdict(one.verdict, one.payload, one.sha256)
        for one, is_new in zip(found.values(), news, strict=True)
        if is_new
    ]
    if stored:
        note_verdicts(history.database, stored)
    return dict(zip(found, news, strict=True))


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
    told. Any other is the robot's claim, unless a person's key signed it. A withdrawal that no key signed is
    nobody's: it takes nothing back.
    """
    signed = keys.read_signed_review(response)
    found, review_id = signed or parse_review(response), response.command_id
    if found is None or review_id is None or not found.subject.startswith(f"{response.robot}:"):
        return
    if found.withdraws is not None:
        _store_withdrawal(history, response, found, review_id, is_signed=signed is not None)
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


def _store_withdrawal(
    history: History, response: Response, found: SubjectReview, command_id: str, *, is_signed: bool
) -> None:
    """Store a signed withdrawal, or that the robot has the one that this room sent."""
    if answer_withdrawal(history.database, command_id, Delivery.DONE, response.text) or not is_signed:
        return
    known = history.reviews(finding_id=found.subject)
    of_robot = ((one.review_id, one.site, one.robot) for one in known if one.counts)
    if found.withdraws is not None and (found.withdraws, response.site, response.robot) in of_robot:
        taken = StoredWithdrawal(
            review_id=found.withdraws,
            withdrawal_id=command_id,
            reviewer=found.by,
            withdrawn_at=found.at,
            note=found.note or "",
            delivery=Delivery.DONE,
            answer=response.text,
            origin=ReviewOrigin.SIGNED.value,
        )
        add_withdrawal(history.database, taken)
