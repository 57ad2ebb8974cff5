"""Insert messages and reviews into the history's tables, each once.

A message that arrives twice is recognized: a verdict by robot, epoch, number and hash, a finding by its
state, a response by its id, a picture by its hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Text, bindparam, delete, func, insert, literal_column, select, update

from edge_node.control_room.history import (
    conflicts,
    epochs,
    review_queue,
    reviews,
    sequence_gaps,
    verdict_batch,
)
from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.records import Delivery, ReviewOrigin
from edge_node.control_room.history.sql_filters import ONE
from edge_node.control_room.history.storage import tables
from edge_node.control_room.history.storage.dialect import insert_new, insert_or_update
from edge_node.control_room.history.storage.tables import NUMBER
from edge_node.control_room.history.verdict_batch import (
    FIND_ROBOT,
    cut,
    find_robot_key,
    make_row,
    measure_ahead,
)
from edge_node.messages.finding import FindingState
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.status import Health, Presence, Status
from edge_node.messages.verdict import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import StoredPicture, StoredReview
    from edge_node.control_room.history.verdict_batch import NewVerdict
    from edge_node.messages.finding import Finding
    from edge_node.messages.response import Response
    from edge_node.messages.shadow import Disagreement

MAX_REASONS = 100  # kinds of unreadable messages that are counted separately
OTHER_REASONS = "other reasons"  # the last of these

_robot, _finding, _refused = tables.robot, tables.finding, tables.refused


def _bind(*names: str) -> dict[str, BindParameter[Any]]:
    """Bind a value for each of these columns."""
    return {name: bindparam(name) for name in names}


_IS_ROBOT = _robot.c.robot_key == bindparam("key")
_COUNT_DUPLICATE = (
    update(_robot)
    .where(_IS_ROBOT)
    .values(duplicates=_robot.c.duplicates + bindparam("more"), last_heard_us=bindparam("at"))
)
_COUNT_VERDICT = (
    update(_robot)
    .where(_IS_ROBOT)
    .values(
        verdicts=_robot.c.verdicts + ONE,
        last_heard_us=bindparam("at"),
        last_verdict_us=bindparam("at"),
        clock_ahead_us=func.coalesce(bindparam("ahead", type_=NUMBER), _robot.c.clock_ahead_us),
    )
)
_NOTE_LAST = {
    (name, is_heard): update(_robot)
    .where(_IS_ROBOT)
    .values({name: bindparam("content"), **({"last_heard_us": bindparam("at")} if is_heard else {})})
    for name in ("status", "health")
    for is_heard in (False, True)
}
_LAST_HEALTH = select(_robot.c.health).where(_IS_ROBOT)
_SAME_START_S = 5.0  # a robot's clock is corrected in small steps
_UNRETIRE = delete(tables.retired).where(tables.retired.c.robot_key == bindparam("key"))
_RETIRE = insert_new(tables.retired).from_select(
    ["robot_key", "retired_us"],
    FIND_ROBOT.add_columns(bindparam("now_us", type_=NUMBER)),
)
_INSERT_VERDICT = insert(tables.verdict).values(
    _bind(*(column.name for column in tables.verdict.c if column.name != "position"))
)
_INSERT_MESSAGE = insert(tables.verdict_message).values(_bind("position", "payload"))
_IS_FINDING = (
    _finding.c.robot_key == bindparam("robot_key"),
    _finding.c.finding_id == bindparam("finding_id"),
)
_FIND_FINDING = select(_finding.c.is_open, _finding.c.frames, _finding.c.last_us).where(*_IS_FINDING)
_FINDING_STATE = [
    column.name for column in _finding.c if column.name not in ("finding_key", "robot_key", "finding_id")
]
_PUT_FINDING = insert_or_update(
    _finding, (_finding.c.robot_key, _finding.c.finding_id), _FINDING_STATE
).values(_bind("robot_key", "finding_id", *_FINDING_STATE))
_INSERT_RESPONSE = insert_new(tables.response).values(
    _bind("robot_key", "response_id", "received_us", "command_id", "payload")
)
_INSERT_PICTURE = insert_new(tables.picture).values(
    _bind("robot_key", "sha256", "is_thumbnail", "received_us", "bytes", "content")
)
_COUNT_REFUSED = (
    update(_refused)
    .where(_refused.c.reason == bindparam("kind"))
    .values(
        {
            "count": _refused.c["count"] + ONE,
            "last_us": bindparam("at"),
            "last_topic": bindparam("topic"),
            "last_text": bindparam("said"),
        }
    )
)
_COUNT_KINDS = select(func.count()).select_from(_refused)
_INSERT_REFUSED = insert(_refused).values(
    reason=bindparam("kind"),
    count=ONE,
    last_us=bindparam("at"),
    last_topic=bindparam("topic"),
    last_text=bindparam("said"),
)
_NEWEST_REVIEW = select(func.max(tables.review.c.reviewed_us)).where(
    tables.review.c.origin != literal_column(f"'{ReviewOrigin.ROBOT.value}'", Text),
    tables.review.c.robot_key == bindparam("robot_key"),
    tables.review.c.finding_id == bindparam("finding_id"),
)
_DONE = literal_column(f"'{Delivery.DONE.value}'", Text)
_REVIEW = _bind(*(column.name for column in tables.review.c))
_INSERT_REVIEW = insert(tables.review).values(_REVIEW)
_LEARN_REVIEW = insert_new(tables.review).values(_REVIEW)
_DELIVER_REVIEW = (
    update(tables.review)
    # What a robot has done stays done, whatever another process that waited for its response comes to say.
    .where(tables.review.c.review_id == bindparam("id"), tables.review.c.delivery != _DONE)
    .values(delivery=bindparam("state"), answer=bindparam("said"))
)


def insert_verdicts(database: Database, arrivals: Sequence[NewVerdict]) -> list[bool]:
    """Store verdicts; return for each what ``insert_verdict`` does."""
    if database.is_shared:  # each statement would be a question to a server
        return verdict_batch.insert_verdicts(database, arrivals)
    with database.transaction():
        return [insert_verdict(database, one) for one in arrivals]


def insert_verdict(database: Database, new: NewVerdict) -> bool:
    """Store a verdict; return False, and count a duplicate or a conflict, if its number was stored before."""
    if database.is_shared:
        return verdict_batch.insert_verdicts(database, [new])[0]
    verdict, received_us = new.verdict, new.received_us
    with database.transaction():
        robot_key = find_robot_key(database, verdict.site, verdict.robot, received_us)
        epoch = split_verdict_id(verdict.id).epoch
        epoch_key = epochs.find_epoch(database, robot_key, epoch)
        if not sequence_gaps.add_number(database, epoch_key, verdict.seq):
            is_same = conflicts.note_repeated(database, epoch_key, verdict, new.payload, received_us)
            database.write(_COUNT_DUPLICATE, {"key": robot_key, "more": is_same, "at": received_us})
            return False
        if verdict.previous_epoch is not None:
            epochs.follow(database, robot_key, epoch_key, verdict.previous_epoch, received_us)
        position = database.insert(_INSERT_VERDICT, make_row(new, robot_key, epoch_key))
        database.write(_INSERT_MESSAGE, {"position": position, "payload": encode(verdict)})
        review_queue.mark_disagreed(database, position, robot_key, epoch, verdict.seq)
        values = {"key": robot_key, "at": received_us, "ahead": measure_ahead(new)}
        database.write(_COUNT_VERDICT, values)
    return True


def insert_disagreement(database: Database, found: Disagreement, received_us: int) -> bool:
    """Store a shadow's disagreement; return False if it is stored."""
    with database.transaction():
        robot_key = find_robot_key(database, found.site, found.robot, received_us)
        return review_queue.insert_disagreement(database, robot_key, found, received_us)


def insert_finding(database: Database, finding: Finding, received_us: int) -> bool:
    """Store the newest state of a finding; return False if this one, or a newer one, is stored."""
    is_open = finding.state is not FindingState.CLOSED
    last_us = to_us(finding.last_observed_at)
    with database.transaction():
        robot_key = find_robot_key(database, finding.site, finding.robot, received_us)
        known = database.peek(_FIND_FINDING, {"robot_key": robot_key, "finding_id": finding.id})
        # Message numbers restart with a new spool; a finding's frames and times only grow.
        if known is not None and (not known[0], *known[1:]) >= (not is_open, finding.frames, last_us):
            return False
        database.write(
            _PUT_FINDING,
            {
                "robot_key": robot_key,
                "finding_id": finding.id,
                "is_open": is_open,
                "frames": finding.frames,
                "first_us": to_us(finding.first_observed_at),
                "last_us": last_us,
                "received_us": received_us,
                "material": cut(finding.material),
                "severity": cut(finding.peak_severity),
                "asset": cut(finding.asset),
                "payload": encode(finding),
                "is_taken": False,
            },
        )
    return True


def update_robot(database: Database, message: Status | Health, received_us: int, *, is_heard: bool) -> None:
    """Replace a robot's last status or health; ``is_heard`` also updates when it was last heard."""
    column = "status" if isinstance(message, Status) else "health"
    with database.transaction():
        robot_key = find_robot_key(database, message.site, message.robot, received_us)
        if isinstance(message, Health) and database.is_shared and _is_late(database, robot_key, message):
            return
        database.write(
            _NOTE_LAST[column, is_heard],
            {"key": robot_key, "content": encode(message), "at": received_us},
        )
        if not isinstance(message, Status) or message.presence is Presence.ONLINE:
            database.write(_UNRETIRE, {"key": robot_key})


def _is_late(database: Database, robot_key: int, message: Health) -> bool:
    """Tell whether a later health message of the same run is stored: processes overtake each other.

    A run is told by its start, the robot's time minus its uptime; of another run, what arrives last counts.
    """
    row = database.peek(_LAST_HEALTH, {"key": robot_key})
    if row is None or row[0] is None:
        return False
    known = msgspec.json.decode(row[0], type=Health)
    started_s = [one.at.timestamp() - one.uptime_s for one in (known, message)]
    return abs(started_s[0] - started_s[1]) < _SAME_START_S and message.uptime_s < known.uptime_s


def retire_robot(database: Database, site: str, robot: str, now_us: int) -> bool:
    """List a robot no longer until it is heard again; return False if it is not known. Nothing is deleted."""
    return database.write(_RETIRE, {"now_us": now_us, "site": site, "robot": robot}) > 0


def insert_response(database: Database, response: Response, received_us: int) -> bool:
    """Store a response to a command; return False if it is stored."""
    with database.transaction():
        robot_key = find_robot_key(database, response.site, response.robot, received_us)
        changed = database.write(
            _INSERT_RESPONSE,
            {
                "robot_key": robot_key,
                "response_id": response.id,
                "received_us": received_us,
                "command_id": response.command_id,
                "payload": encode(response),
            },
        )
    return changed > 0


def insert_picture(database: Database, picture: StoredPicture, received_us: int) -> bool:
    """Store a picture whose hash the caller has checked; return False if it is stored."""
    content = database.keep_picture(picture.content)
    with database.transaction():
        robot_key = find_robot_key(database, picture.site, picture.robot, received_us)
        changed = database.write(
            _INSERT_PICTURE,
            {
                "robot_key": robot_key,
                "sha256": picture.sha256,
                "is_thumbnail": picture.is_thumbnail,
                "received_us": received_us,
                "bytes": len(picture.content),
                "content": content,
            },
        )
    return changed > 0


def count_refused(database: Database, reason: str, topic: str, text: str, now_us: int) -> None:
    """Count an unreadable message by its reason, with the newest topic and text as an example."""
    values = {"kind": cut(reason), "at": now_us, "topic": cut(topic), "said": cut(text)}
    with database.transaction():
        if database.write(_COUNT_REFUSED, values):
            return
        kinds = database.peek(_COUNT_KINDS)
        if kinds is not None and kinds[0] >= MAX_REASONS - 1:  # invented reasons hide no others
            values["kind"] = OTHER_REASONS
            if database.write(_COUNT_REFUSED, values):
                return
        database.write(_INSERT_REFUSED, values)


def insert_review(database: Database, review: StoredReview, *, ignore_known: bool) -> bool:
    """Store a review; return False if ``ignore_known`` and its id is stored.

    One that is made here is dated behind those before it: the newest counts, and a clock may be set back.

    Raises:
        HistoryError: not ``ignore_known``, and its id is stored.
    """
    with database.transaction():
        reviewed_us = to_us(review.reviewed_at)
        robot_key = find_robot_key(database, review.site, review.robot, reviewed_us)
        if not ignore_known:
            named = {"robot_key": robot_key, "finding_id": review.finding_id}
            newest = database.peek(_NEWEST_REVIEW, named)
            if newest is not None and newest[0] is not None:
                reviewed_us = max(reviewed_us, newest[0] + 1)
        if review.origin == ReviewOrigin.ROBOT.value:
            reviews.delete_oldest_claim(database, robot_key)
        changed = database.write(
            _LEARN_REVIEW if ignore_known else _INSERT_REVIEW,
            {
                "review_id": review.review_id,
                "robot_key": robot_key,
                "finding_id": review.finding_id,
                "reviewed_us": reviewed_us,
                "opinion": review.opinion.value,
                "note": review.note,
                "reviewer": review.reviewer,
                "corrections": msgspec.json.encode(dict(review.corrections)).decode(),
                "delivery": review.delivery.value,
                "answer": review.answer,
                "origin": review.origin,
                "evidence": review.evidence_sha256,
            },
        )
    return changed > 0


def update_review_delivery(database: Database, review_id: str, delivery: Delivery, answer: str) -> bool:
    """Set whether a review reached its robot, and the robot's text.

    Return False if its id is unknown, or the robot has done it already, as another process noted.
    """
    values = {"id": review_id, "state": delivery.value, "said": cut(answer)}
    return database.write(_DELIVER_REVIEW, values) > 0
