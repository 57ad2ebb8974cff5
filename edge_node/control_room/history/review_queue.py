"""Order the pictures that nobody has reviewed by what a review teaches most, or by severity.

The first order is that of ``EvidenceReason``, of a low margin the smallest first, else the newest first.
Pictures of robots that do not tell a reason come last. A disagreement of the shadow arrives before or after
its verdict, and puts the verdict's picture, or the one that the shadow kept, among the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from edge_node.control_room.history.database import from_us
from edge_node.control_room.history.records import QueuedPicture, ReviewOrigin, VerdictRecord
from edge_node.control_room.history.reviews import counts
from edge_node.control_room.history.sql_filters import LIMIT, SHAPES, ZERO, bound_limit, robot_conditions
from edge_node.control_room.history.storage.dialect import contains, insert_new, json_text
from edge_node.control_room.history.storage.tables import (
    NUMBER,
    disagreement,
    epoch,
    finding,
    picture,
    review,
    robot,
    verdict,
    verdict_message,
)
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.shadow import Disagreement
from edge_node.messages.verdict import EvidenceReason, Outcome, Verdict, encode

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Executable, Select

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import QueueFilter

_ORDER = tuple(reason.value for reason in EvidenceReason)
_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_REASONS = 16
_WORD = "worst_"  # values with a severity each, the worst first
_THEN = (Outcome.UNCERTAIN, Outcome.NOT_INSPECTABLE, Outcome.UNCORRODED)  # behind what is corroded
_COMMA, _COLON, _NOTHING = (literal_column(f"'{sign}'", Text) for sign in (",", ":", ""))

_VERDICT_ID = robot.c.robot + _COLON + epoch.c.epoch + _COLON + cast(verdict.c.seq, Text)
_CLAIMED = literal_column(f"'{ReviewOrigin.ROBOT.value}'", Text)  # nobody told this room
_reviewed = review.alias("reviewed")
# The best pictures of reviewed findings; PostgreSQL would search them once for each week.
_decided = (
    select(finding.c.robot_key, json_text(finding.c.payload, "best_evidence_sha256").label("sha256"))
    .join(
        _reviewed,
        (_reviewed.c.robot_key == finding.c.robot_key)
        & (_reviewed.c.finding_id == finding.c.finding_id)
        & (_reviewed.c.origin != _CLAIMED)
        & counts(_reviewed),
    )
    .cte("decided")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_IS_REVIEWED = or_(
    select(review.c.review_id)
    .where(
        review.c.robot_key == verdict.c.robot_key,
        review.c.finding_id == _VERDICT_ID,
        review.c.origin != _CLAIMED,
        counts(review),
    )
    .correlate(verdict, robot, epoch)
    .exists(),
    tuple_(verdict.c.robot_key, verdict.c.evidence).in_(select(_decided.c.robot_key, _decided.c.sha256)),
)
# Not by EXISTS: PostgreSQL would begin with the pictures, and look for the verdict of each.
_HAS_PICTURE = (
    select(picture.c.picture_key)
    .where(picture.c.robot_key == verdict.c.robot_key, picture.c.sha256 == verdict.c.evidence)
    .correlate(verdict)
    .limit(literal_column("1"))
    .scalar_subquery()
    .is_not(None)
)
_NUMBERED = ("robot_key", "epoch", "seq")
_OF_VERDICT = [disagreement.c[name] == bindparam(name) for name in _NUMBERED]
_INSERT = insert_new(disagreement).values(
    {name: bindparam(name) for name in (*_NUMBERED, "received_us", "evidence", "payload")}
)
_FIND_POSITION = (
    select(verdict.c.position)
    .join(epoch, epoch.c.epoch_key == verdict.c.epoch_key)
    .where(
        epoch.c.robot_key == bindparam("robot_key"),
        epoch.c.epoch == bindparam("epoch"),
        verdict.c.seq == bindparam("seq"),
    )
)
_FIND = select(disagreement.c.evidence).where(*_OF_VERDICT)
_SHADOW = literal_column(f"'{EvidenceReason.SHADOW.value}'", Text)
_MARK = (
    update(verdict)
    .where(verdict.c.position == bindparam("at"))
    .values(
        evidence=func.coalesce(verdict.c.evidence, bindparam("kept")),
        teaches=literal_column(str(_ORDER.index(EvidenceReason.SHADOW.value))),
        margin=ZERO,
        reasons=case((verdict.c.reasons == _NOTHING, _SHADOW), else_=_SHADOW + _COMMA + verdict.c.reasons),
    )
)


@dataclass(frozen=True, slots=True)
class Teaching:
    """The columns of a verdict by which its picture is found and ordered.

    Attributes:
        reasons: why it was kept, separated by commas.
        teaches: place of the first reason; the smallest comes first.
        margin: orders pictures of a low margin; 0 for the others.
    """

    reasons: str
    teaches: int
    margin: float


def describe_teaching(described: Verdict) -> Teaching | None:
    """Return why a verdict's picture was kept; None if the robot does not tell."""
    reasons = [reason for reason in described.evidence_reasons[:_MAX_REASONS] if _REASON.fullmatch(reason)]
    if described.evidence_sha256 is None or not reasons:
        return None
    places = [_ORDER.index(reason) for reason in reasons if reason in _ORDER]
    teaches = min(places, default=len(_ORDER))  # a reason of a later version
    is_close = teaches == _ORDER.index(EvidenceReason.LOW_MARGIN.value)
    return Teaching(",".join(reasons), teaches, (described.margin or 0.0) if is_close else 0.0)


def insert_disagreement(database: Database, robot_key: int, found: Disagreement, received_us: int) -> bool:
    """Store a disagreement, and mark its verdict if that is stored; False if it is stored already."""
    _, name, seq = split_verdict_id(found.verdict)
    numbered = {"robot_key": robot_key, "epoch": name, "seq": int(seq)}
    content = {"received_us": received_us, "evidence": found.evidence_sha256, "payload": encode(found)}
    changed = database.write(_INSERT, {**numbered, **content})
    if changed:
        mark_late(database, robot_key, name, int(seq))
    return bool(changed)


def mark_late(database: Database, robot_key: int, name: str, seq: int) -> None:
    """Mark a verdict that came behind the disagreement of the shadow with it."""
    position = database.peek(_FIND_POSITION, {"robot_key": robot_key, "epoch": name, "seq": seq})
    if position is not None:
        mark_disagreed(database, int(position[0]), robot_key, name, seq)


def mark_disagreed(database: Database, position: int, robot_key: int, name: str, seq: int) -> None:
    """Mark a stored verdict if the shadow disagreed with it; its picture may be the one the shadow kept."""
    known = database.peek(_FIND, {"robot_key": robot_key, "epoch": name, "seq": seq})
    if known is not None:
        database.write(_MARK, {"at": position, "kept": known[0]})


def select_queue(
    database: Database, only: QueueFilter, limit: int, after: str | None = None
) -> list[QueuedPicture]:
    """Return pictures, what teaches most first, one page after the picture of the verdict ``after``."""
    if _is_lacking(database):
        return []
    values = _values(only)
    if after is not None and (place := _find_place(database, after, values)) is not None:
        values |= {"after_first": place[0], "after_second": place[1], "after_position": -place[2]}
    rows = database.rows(_page(tuple(values)), {**values, "limit": bound_limit(limit)})
    return [_queued(row) for row in rows]


def count_queue(database: Database, only: QueueFilter) -> dict[str, int]:
    """Count the pictures by reason; a picture with several counts for each, "" stands for none told."""
    counts: dict[str, int] = {}
    if _is_lacking(database):
        return counts
    values = _values(only)
    for reasons, count in database.rows(_counts(tuple(values)), values):
        for reason in reasons.split(",") if count else ():
            counts[reason] = counts.get(reason, 0) + count
    return counts


def select_queued(database: Database, verdict_id: str) -> QueuedPicture | None:
    """Return the picture of one verdict, reviewed or not; None without a picture."""
    if _is_lacking(database):
        return None
    place = _find_place(database, verdict_id, {})
    if place is None:
        return None
    rows = database.rows(_ONE_QUEUED, {"at": place[2]})
    return _queued(rows[0]) if rows else None


def _is_lacking(database: Database) -> bool:
    """Tell whether this is a file that no control room has opened since there is a queue."""
    return "teaches" in database.lacking


def _joined(query: Select[Any]) -> Select[Any]:
    return query.join_from(verdict, robot, robot.c.robot_key == verdict.c.robot_key).join(
        epoch, epoch.c.epoch_key == verdict.c.epoch_key
    )


def _selected() -> Select[Any]:
    columns = (verdict.c.position, verdict.c.received_us, verdict.c.replayed, verdict_message.c.payload)
    teaching = (verdict.c.evidence, verdict.c.reasons, disagreement.c.payload.label("disagreement"))
    told = [
        disagreement.c.robot_key == verdict.c.robot_key,
        disagreement.c.epoch == epoch.c.epoch,
        disagreement.c.seq == verdict.c.seq,
    ]
    return (
        _joined(select(*columns, *teaching))
        .join(verdict_message, verdict_message.c.position == verdict.c.position)
        .outerjoin(disagreement, and_(*told))
    )


_ONE_QUEUED = _selected().where(verdict.c.position == bindparam("at"), verdict.c.evidence.is_not(None))


@lru_cache(SHAPES)
def _page(names: tuple[str, ...]) -> Executable:
    query, (first, second) = _selected().where(*_conditions(names)), _order(names)
    if "after_position" in names:
        last = tuple_(*map(bindparam, ("after_first", "after_second", "after_position")))
        query = query.where(tuple_(first, second, -verdict.c.position) > last)
    return query.order_by(first, second, verdict.c.position.desc()).limit(LIMIT)


@lru_cache(SHAPES)
def _place(names: tuple[str, ...]) -> Executable:
    return _joined(select(*_order(names), verdict.c.position)).where(
        verdict.c.seq == bindparam("seq"),
        epoch.c.epoch == bindparam("epoch"),
        robot.c.robot == bindparam("robot"),
    )


def _order(names: tuple[str, ...]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return what pictures are ordered by before their position; the smallest comes first."""
    words = sorted(name for name in names if name.startswith(_WORD))
    if not words:
        return verdict.c.teaches, verdict.c.margin
    is_corroded = verdict.c.outcome == literal_column(f"'{Outcome.CORRODED.value}'", Text)
    places: list[tuple[ColumnElement[bool], ColumnElement[int]]] = [
        (is_corroded & (verdict.c.severity == bindparam(word)), literal_column(str(at), NUMBER))
        for at, word in enumerate(words)
    ]
    places.append((is_corroded, literal_column(str(len(words)), NUMBER)))
    for at, outcome in enumerate(_THEN, start=len(words) + 1):
        is_that = verdict.c.outcome == literal_column(f"'{outcome.value}'", Text)
        places.append((is_that, literal_column(str(at), NUMBER)))
    return case(*places, else_=literal_column("99", NUMBER)), verdict.c.teaches


@lru_cache(SHAPES)
def _counts(names: tuple[str, ...]) -> Executable:
    """Return the query of all counts; those with a picture by one look at all pictures.

    By an outer join, as PostgreSQL then goes through the verdicts first.
    """
    if "with_picture" not in names:
        query = _joined(select(verdict.c.reasons, func.count()))
    else:
        names = tuple(name for name in names if name != "with_picture")
        seen = select(picture.c.robot_key, picture.c.sha256).distinct().subquery("seen")
        query = _joined(select(verdict.c.reasons, func.count(seen.c.sha256))).outerjoin(
            seen, and_(seen.c.robot_key == verdict.c.robot_key, seen.c.sha256 == verdict.c.evidence)
        )
    return query.where(*_conditions(names)).group_by(verdict.c.reasons)


def _values(only: QueueFilter) -> dict[str, Any]:
    """Return what a filter asks for by name; the names alone make the statement."""
    values: dict[str, Any] = {"site": only.site, "robot": only.robot}
    if only.reason == "":
        values["without_reason"] = True
    elif only.reason is not None:
        values["reason"] = f",{only.reason},"
    if not only.missing:
        values["with_picture"] = True
    if not only.reviewed:
        values["not_reviewed"] = True
    for at, word in enumerate(reversed(only.worst_first or ())):
        values[f"{_WORD}{at:02}"] = word
    return {name: value for name, value in values.items() if value is not None}


def _conditions(names: tuple[str, ...]) -> list[ColumnElement[bool]]:
    named = {
        "without_reason": verdict.c.reasons == _NOTHING,
        "reason": contains(_COMMA + verdict.c.reasons + _COMMA, bindparam("reason", type_=Text)),
        "with_picture": _HAS_PICTURE,
        "not_reviewed": ~_IS_REVIEWED,
    }
    return [
        *robot_conditions(verdict.c.robot_key, names),
        verdict.c.evidence.is_not(None),
        *(condition for name, condition in named.items() if name in names),
    ]


def _find_place(
    database: Database, verdict_id: str, values: dict[str, Any]
) -> tuple[float, float, int] | None:
    robot_name, epoch_name, seq = split_verdict_id(verdict_id)
    if not seq.isascii() or not seq.isdigit() or len(seq) > 18:
        return None
    words = {name: word for name, word in values.items() if name.startswith(_WORD)}
    named = {"seq": int(seq), "epoch": epoch_name, "robot": robot_name}
    rows = database.rows(_place(tuple(words)), {**words, **named})
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def _queued(row: tuple[Any, ...]) -> QueuedPicture:
    stored = msgspec.json.decode(row[3], type=Verdict)
    return QueuedPicture(
        record=VerdictRecord(row[0], from_us(row[1]), bool(row[2]), stored),
        sha256=row[4],
        reasons=tuple(reason for reason in row[5].split(",") if reason),
        disagreement=None if row[6] is None else msgspec.json.decode(row[6], type=Disagreement),
    )
