"""Say of each kind of a robot's rows how much of the bound a row takes, and in which order they go.

A row is charged its payload and a fixed sum for its columns, its places in indexes and what a page leaves
empty. The sums are a sixth above what a freshly written file needs, so that rows which are charged no more
than the bound fit into it after years of deletions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, case, delete, exists, func, literal_column, select

from edge_node.control_room.history.storage import tables
from edge_node.control_room.history.storage.dialect import unindexed

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Delete, Select, Table

_N = Integer()
_ZERO: ColumnElement[Any] = literal_column("0")
_ONE: ColumnElement[Any] = literal_column("1")
_LIMIT = bindparam("limit", type_=Integer)
# A row lies in one page if it fits: how many do decides what each takes. Larger ones have pages of their own.
_PAGE, _USABLE, _ROW_HEAD = literal_column("4096", _N), literal_column("4080", _N), literal_column("12", _N)
_SMALL, _LAST_PAGE = literal_column("4000", _N), literal_column("2500", _N)


@dataclass(frozen=True, slots=True)
class Kind:
    """A table of robots' rows.

    Attributes:
        name: of the table.
        count: query of robot_key, rows and charged bytes of all robots.
        oldest: query of key and charged bytes of a robot's rows, in the order in which they go: binds
            ``robot_key``, ``begin``, below which no key is, and ``limit``.
        deletes: statements that delete the row of ``key``.
        step: rows that are deleted in one transaction.
    """

    name: str
    count: Select[Any]
    oldest: Select[Any]
    deletes: tuple[Delete, ...]
    step: int = 2000


def _charge(length: ColumnElement[Any], fixed: int) -> ColumnElement[Any]:
    """Return what a row is charged whose payload has this length."""
    in_page = _PAGE // (_USABLE // (length + _ROW_HEAD))
    alone = case((length < _SMALL, in_page), else_=length + _LAST_PAGE)
    return alone + alone // literal_column("6", _N) + literal_column(str(fixed), _N)


def _kind(
    table: Table,
    key: Column[Any],
    fixed: int,
    *order: ColumnElement[Any],
    length: Any = None,
    step: int = 2000,
) -> Kind:
    charged = _charge(func.length(table.c.payload) if length is None else length, fixed)
    return Kind(
        name=table.name,
        count=select(table.c.robot_key, func.count(), func.sum(charged)).group_by(table.c.robot_key),
        oldest=select(key, charged)
        .where(table.c.robot_key == bindparam("robot_key"))
        .order_by(*order, key)
        .limit(_LIMIT),
        deletes=(delete(table).where(key == bindparam("key")),),
        step=step,
    )


_verdict, _message = tables.verdict, tables.verdict_message
_VERDICT_CHARGE = _charge(func.length(_message.c.payload), 450)
_messages = _verdict.join(_message, _message.c.position == _verdict.c.position)
# By the order of arrival: an index on the robot's own times would be chosen for ``robot_key = ?`` alone.
VERDICT = Kind(
    name="verdict",
    count=select(
        *(_verdict.c.robot_key, func.count(), func.sum(_VERDICT_CHARGE)),
        *(func.min(_verdict.c.position), func.max(_verdict.c.position)),
    )
    .select_from(_messages)
    .where(_verdict.c.position > bindparam("after"), _verdict.c.position <= bindparam("last"))
    .group_by(unindexed(_verdict.c.robot_key)),
    oldest=select(_verdict.c.position, _VERDICT_CHARGE)
    .select_from(_messages)
    .where(
        unindexed(_verdict.c.robot_key) == bindparam("robot_key"), _verdict.c.position >= bindparam("begin")
    )
    .order_by(_verdict.c.position)
    .limit(_LIMIT),
    deletes=tuple(
        delete(table).where(table.c.position == bindparam("key")) for table in (_message, _verdict)
    ),
)
_finding, _review = tables.finding, tables.review
_is_reviewed = exists().where(
    _review.c.robot_key == _finding.c.robot_key, _review.c.finding_id == _finding.c.finding_id
)
_words = sum(
    (func.length(_review.c[name]) for name in ("finding_id", "note", "reviewer", "corrections", "answer")),
    _ZERO,
)
# What robots say of people goes before what people said here.
_heard_here = case(
    (_review.c.origin.in_([literal_column(f"'{origin}'") for origin in ("login", "typed", "signed")]), _ONE),
    else_=_ZERO,
)
# What belongs to a defect goes last: it is all that is left of a place that is watched for years.
_sighting = tables.sighting
_SIGHTING = _kind(
    _sighting,
    _sighting.c.sighting_key,
    700,
    case((_sighting.c.defect_key.is_(None), _ZERO), else_=_ONE),
    _sighting.c.received_us,
    length=func.length(_sighting.c.payload) + func.coalesce(func.length(_sighting.c.placed), _ZERO),
)
CONFLICT = _kind(tables.conflict, tables.conflict.c.conflict_key, 400)
CHECKPOINT = _kind(tables.checkpoint, tables.checkpoint.c.checkpoint_key, 400)
# Full pictures first: a thumbnail is only 10 kB.
PICTURE = _kind(
    tables.picture,
    tables.picture.c.picture_key,
    300,
    tables.picture.c.is_thumbnail,
    length=tables.picture.c.bytes,
    step=50,
)
# What gives when messages are beyond their bound. Findings, open or closed, go by when their newest message
# arrived, reviewed ones last.
MESSAGES = (
    VERDICT,
    _kind(_finding, _finding.c.finding_key, 500, _is_reviewed, _finding.c.received_us, step=200),
    _kind(tables.response, tables.response.c.response_key, 300),
    _kind(_review, _review.c.review_id, 500, _heard_here, _review.c.reviewed_us, length=_words),
    _kind(tables.disagreement, tables.disagreement.c.disagreement_key, 400),
    CONFLICT,
    CHECKPOINT,
    _SIGHTING,
)
# Charged, but bounded in other ways: by the number of robots, and of epochs and ranges of each.
_robot = tables.robot
_state_bytes = sum(
    (func.coalesce(func.length(_robot.c[name]), _ZERO) for name in ("status", "health")), _ZERO
)
FIXED = (
    select(_robot.c.robot_key, _ONE, _charge(_state_bytes, 600)),
    select(tables.epoch.c.robot_key, func.count(), func.count() * literal_column("400")).group_by(
        tables.epoch.c.robot_key
    ),
    *(
        select(tables.epoch.c.robot_key, func.count(), func.count() * literal_column(row_bytes))
        .join(table, table.c.epoch_key == tables.epoch.c.epoch_key)
        .group_by(tables.epoch.c.robot_key)
        for table, row_bytes in ((tables.arrived, "60"), (tables.chain_range, "140"))
    ),
    select(tables.given_up.c.robot_key, func.count(), func.count() * literal_column("160")).group_by(
        tables.given_up.c.robot_key
    ),
)
