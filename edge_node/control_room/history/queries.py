"""Query the history in SQL and build records from the rows."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, func, literal_column, or_, select, tuple_

from edge_node.control_room.history import conflicts, sequence_gaps
from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.finding_span import (
    VERDICT_COLUMNS,
    find_spans,
    holds,
    select_rows,
    was_open,
)
from edge_node.control_room.history.records import (
    FindingFilter,
    FindingRecord,
    Misdated,
    RefusalCount,
    ResponseRecord,
    ReviewOrigin,
    RobotRecord,
    StoredPicture,
    Usage,
    VerdictFilter,
    VerdictRecord,
)
from edge_node.control_room.history.reviews import find_newest_review
from edge_node.control_room.history.sql_filters import (
    LIMIT,
    MAX_LIMIT,
    ONE,
    SHAPES,
    ZERO,
    bound_limit,
    finding_conditions,
    finding_values,
    robot_conditions,
    verdict_conditions,
    verdict_values,
)
from edge_node.control_room.history.storage.dialect import HINTS
from edge_node.control_room.history.storage.tables import (
    NUMBER,
    epoch,
    finding,
    picture,
    refused,
    response,
    retired,
    robot,
    verdict,
    verdict_message,
)
from edge_node.messages.finding import Finding
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.response import Response
from edge_node.messages.status import Health, Status
from edge_node.messages.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Column, Executable

    from edge_node.control_room.history.database import Database

_MAX_US = (1 << 63) - 1
_VERDICT_DECODER = msgspec.json.Decoder(Verdict)


_ROBOTS = (
    select(
        *(robot.c.robot_key, robot.c.site, robot.c.robot, robot.c.first_heard_us, robot.c.last_heard_us),
        *(robot.c.status, robot.c.health, robot.c.last_verdict_us, robot.c.verdicts, robot.c.duplicates),
        robot.c.clock_ahead_us,
    )
    .where(robot.c.robot_key.not_in(select(retired.c.robot_key)))
    .order_by(robot.c.site, robot.c.robot)
)
_with_message = select(*VERDICT_COLUMNS).join_from(
    verdict, verdict_message, verdict_message.c.position == verdict.c.position
)
_VERDICT = _with_message.where(
    verdict.c.seq == bindparam("seq"),
    verdict.c.epoch_key.in_(
        select(epoch.c.epoch_key)
        .join(robot, robot.c.robot_key == epoch.c.robot_key)
        .where(epoch.c.epoch == bindparam("epoch"), robot.c.robot == bindparam("robot"))
    ),
)
_NEWEST = _with_message.order_by(verdict.c.position.desc()).limit(LIMIT)
# Before 2020 no robot ran, and none dates a verdict an hour after it arrived. A past date proves nothing: the
# verdict may have waited at the robot, or at the broker for this room.
_IS_MISDATED = or_(
    verdict.c.observed_us < literal_column("1577836800000000"),
    verdict.c.observed_us > verdict.c.received_us + literal_column("3600000000"),
)
_FINDING_COLUMNS = (finding.c.robot_key, finding.c.received_us, finding.c.payload)
_pictures = (
    select(picture.c.is_thumbnail, picture.c.content)
    .join(robot, robot.c.robot_key == picture.c.robot_key)
    .where(
        robot.c.site == bindparam("site"),
        robot.c.robot == bindparam("robot"),
        picture.c.sha256 == bindparam("sha256"),
    )
    .limit(ONE)
)
_FULL_FIRST = _pictures.order_by(picture.c.is_thumbnail)
_THUMBNAIL_FIRST = _pictures.order_by(picture.c.is_thumbnail.desc())
_REFUSALS = select(
    *(refused.c.reason, refused.c["count"], refused.c.last_us, refused.c.last_topic, refused.c.last_text)
).order_by(refused.c["count"].desc(), refused.c.reason)
_PICTURE_BYTES = select(func.coalesce(func.sum(picture.c.bytes), literal_column("0")))
_USAGE = select(
    *(select(func.count()).select_from(table).scalar_subquery() for table in (verdict, finding, picture)),
    select(verdict.c.received_us).order_by(verdict.c.position).limit(ONE).scalar_subquery(),
    select(func.count()).select_from(finding).where(finding.c.is_open != ZERO).scalar_subquery(),
)


def select_robots(database: Database) -> list[RobotRecord]:
    """Return all robots but those that were retired, by site and name."""
    missing = sequence_gaps.count_missing(database)
    repeated = conflicts.count_conflicts(database)
    return [
        RobotRecord(
            site=row[1],
            robot=row[2],
            first_heard_at=from_us(row[3]),
            last_heard_at=from_us(row[4]),
            status=None if row[5] is None else msgspec.json.decode(row[5], type=Status),
            health=None if row[6] is None else msgspec.json.decode(row[6], type=Health),
            last_verdict_at=None if row[7] is None else from_us(row[7]),
            verdicts=row[8],
            duplicates=row[9],
            missing=missing.get(row[0], 0),
            conflicts=repeated.get(row[0], 0),
            clock_ahead_s=None if row[10] is None else row[10] / 1e6,
        )
        for row in database.rows(_ROBOTS)
    ]


def select_verdicts(
    database: Database,
    only: VerdictFilter | None,
    limit: int,
    after: VerdictRecord | None,
    *,
    oldest_first: bool,
) -> list[VerdictRecord]:
    """Return verdicts by the time at which they were observed, one page after ``after``."""
    values = verdict_values(only)
    query = _page(tuple(values), is_next=after is not None, oldest_first=oldest_first)
    if after is not None:
        values |= {"after_us": to_us(after.verdict.observed_at), "after_position": after.position}
    rows = database.rows(query, {**values, "limit": bound_limit(limit)})
    return [_verdict_record(row) for row in rows]


def count_verdicts(database: Database, only: VerdictFilter | None) -> int:
    """Count the verdicts that match a filter."""
    values = verdict_values(only)
    return int(database.rows(_count(tuple(values)), values)[0][0])


def find_misdated(database: Database, only: VerdictFilter) -> Misdated | None:
    """Find the verdicts of a robot that arrived in a filter's span of time, and that its dates miss."""
    if only.since is None and only.until is None:
        return None
    values = {name: value for name in ("site", "robot") if (value := getattr(only, name)) is not None}
    span = {
        "begin_us": 0 if only.since is None else to_us(only.since),
        "end_us": _MAX_US if only.until is None else to_us(only.until),
    }
    count, first_us, last_us = database.rows(_misdated(tuple(values)), {**values, **span})[0]
    return Misdated(count, from_us(first_us), from_us(last_us)) if count else None


def select_verdict(database: Database, verdict_id: str) -> VerdictRecord | None:
    """Return the verdict with this id."""
    robot_name, epoch_name, seq = split_verdict_id(verdict_id)
    if not seq.isascii() or not seq.isdigit() or len(seq) > 18:
        return None
    rows = database.rows(_VERDICT, {"seq": int(seq), "epoch": epoch_name, "robot": robot_name})
    return _verdict_record(rows[0]) if rows else None


def select_newest(database: Database, limit: int) -> list[VerdictRecord]:
    """Return the verdicts that arrived last, newest first."""
    rows = database.rows(_NEWEST, {"limit": bound_limit(limit)})
    return [_verdict_record(row) for row in rows]


def select_findings(database: Database, only: FindingFilter | None, limit: int) -> list[FindingRecord]:
    """Return findings, open ones first, then by when they were last observed, newest first."""
    values = finding_values(only or FindingFilter())
    query = _findings(tuple(values), as_arrived=False)
    rows = database.rows(query, {**values, "limit": bound_limit(limit)})
    return [_finding_record(database, row) for row in rows]


def select_finding(database: Database, finding_id: str, site: str | None) -> FindingRecord | None:
    """Return one finding."""
    values = {"finding_id": finding_id, **({} if site is None else {"site": site})}
    rows = database.rows(_finding_of_id(tuple(values)), values)
    return _finding_record(database, rows[0]) if rows else None


def select_verdicts_of(database: Database, found: Finding, limit: int) -> list[VerdictRecord]:
    """Return the corroded verdicts of a finding's kind from its first to its last, oldest first."""
    only = VerdictFilter(
        site=found.site,
        robot=found.robot,
        asset=found.asset,
        outcome=Outcome.CORRODED.value,
        material=found.material,
        form=found.form,
    )
    spans = find_spans(database, found)
    between = [_verdict_record(row) for row in select_rows(database, spans, only, limit)]
    best = select_verdict(database, found.best_verdict)
    if best is not None and all(known.position != best.position for known in between):
        between.append(best)
    return between


def select_findings_open_at(
    database: Database, only: VerdictFilter, begin: datetime, end: datetime
) -> list[FindingRecord]:
    """Return the findings that were open at one of the verdicts of a filter, in the order of their arrival.

    Args:
        database: of the history.
        only: a filter with the robot.
        begin: earliest time of those verdicts, for findings whose own verdicts are deleted.
        end: their latest time.
    """
    records = _all_findings(database, FindingFilter(site=only.site, robot=only.robot, asset=only.asset))
    return [record for record in records if was_open(database, record.finding, only, begin, end)]


def select_findings_around(database: Database, stored: Verdict) -> list[FindingRecord]:
    """Return the findings that were open at a stored verdict, in the order of their arrival."""
    records = _all_findings(database, FindingFilter(site=stored.site, robot=stored.robot))
    return [record for record in records if holds(database, record.finding, stored)]


def select_responses(database: Database, command_id: str | None, limit: int) -> list[ResponseRecord]:
    """Return responses to commands, newest first."""
    values: dict[str, Any] = {} if command_id is None else {"command_id": command_id}
    rows = database.rows(_responses(tuple(values)), {**values, "limit": bound_limit(limit)})
    return [ResponseRecord(from_us(row[0]), msgspec.json.decode(row[1], type=Response)) for row in rows]


def select_picture(
    database: Database, site: str, robot_name: str, sha256: str, *, full: bool
) -> StoredPicture | None:
    """Return the full picture if it is stored and ``full``, else the thumbnail."""
    query = _FULL_FIRST if full else _THUMBNAIL_FIRST
    rows = database.rows(query, {"site": site, "robot": robot_name, "sha256": sha256})
    for is_thumbnail, stored in rows:
        content = database.read_picture(stored)
        if content is not None:
            return StoredPicture(site, robot_name, sha256, bool(is_thumbnail), content)
    return None


def select_distinct(database: Database, column: str) -> list[str]:
    """Return the distinct values of a column of verdicts by one index lookup each, without a table scan."""
    return [row[0] for row in database.rows(_WORDS[column])]


def select_refusals(database: Database) -> list[RefusalCount]:
    """Return how many messages could not be read, by reason, most frequent first."""
    rows = database.rows(_REFUSALS)
    return [RefusalCount(row[0], row[1], from_us(row[2]), row[3], row[4]) for row in rows]


def count_picture_bytes(database: Database) -> int:
    """Return the bytes of all pictures."""
    return int(database.rows(_PICTURE_BYTES)[0][0])


def measure_usage(database: Database) -> Usage:
    """Return the counts and sizes of the history."""
    row = database.rows(_USAGE)[0]
    return Usage(
        verdicts=row[0],
        findings=row[1],
        pictures=row[2],
        database_bytes=database.used_bytes(),
        picture_bytes=count_picture_bytes(database),
        oldest_received_at=None if row[3] is None else from_us(row[3]),
        open_findings=row[4],
    )


def _all_findings(database: Database, only: FindingFilter) -> list[FindingRecord]:
    values = finding_values(only)
    query = _findings(tuple(values), as_arrived=True)
    rows = database.rows(query, {**values, "limit": MAX_LIMIT})
    return [_finding_record(database, row) for row in rows]


def _verdict_record(row: Sequence[Any]) -> VerdictRecord:
    return VerdictRecord(row[0], from_us(row[1]), bool(row[2]), _VERDICT_DECODER.decode(row[3]))


def _finding_record(database: Database, row: Sequence[Any]) -> FindingRecord:
    found = msgspec.json.decode(row[2], type=Finding)
    review = find_newest_review(database, row[0], found.id)
    is_claim = review is not None and review.origin == ReviewOrigin.ROBOT.value
    pair = (None, review) if is_claim else (review, None)
    return FindingRecord(found, from_us(row[1]), *pair)


@lru_cache(SHAPES)
def _page(names: tuple[str, ...], *, is_next: bool, oldest_first: bool) -> Executable:
    """Search the narrow table first; read messages only for the rows of this page."""
    columns = (verdict.c.position, verdict.c.received_us, verdict.c.replayed, verdict.c.observed_us)
    inner = select(*columns).where(*verdict_conditions(names)).limit(LIMIT)
    if is_next:
        place = tuple_(verdict.c.observed_us, verdict.c.position)
        last = tuple_(bindparam("after_us"), bindparam("after_position"))
        inner = inner.where(place > last if oldest_first else place < last)
    if oldest_first:
        inner = inner.order_by(verdict.c.observed_us, verdict.c.position)
    else:
        inner = inner.order_by(verdict.c.observed_us.desc(), verdict.c.position.desc())
    found = inner.subquery("found")
    outer = select(
        found.c.position, found.c.received_us, found.c.replayed, verdict_message.c.payload
    ).join_from(found, verdict_message, verdict_message.c.position == found.c.position)
    if oldest_first:
        return outer.order_by(found.c.observed_us, found.c.position)
    return outer.order_by(found.c.observed_us.desc(), found.c.position.desc())


@lru_cache(SHAPES)
def _count(names: tuple[str, ...]) -> Executable:
    return select(func.count()).select_from(verdict).where(*verdict_conditions(names))


@lru_cache(SHAPES)
def _misdated(names: tuple[str, ...]) -> Executable:
    begin, end = bindparam("begin_us", type_=NUMBER), bindparam("end_us", type_=NUMBER)
    return (
        select(func.count(), func.min(verdict.c.observed_us), func.max(verdict.c.observed_us))
        .with_hint(verdict, "NOT INDEXED", HINTS)
        .where(
            *robot_conditions(verdict.c.robot_key, names),
            verdict.c.received_us.between(begin, end),
            ~verdict.c.observed_us.between(begin, end),
            _IS_MISDATED,
        )
    )


@lru_cache(SHAPES)
def _findings(names: tuple[str, ...], *, as_arrived: bool) -> Executable:
    order = (finding.c.finding_key,) if as_arrived else (finding.c.is_open.desc(), finding.c.last_us.desc())
    return select(*_FINDING_COLUMNS).where(*finding_conditions(names)).order_by(*order).limit(LIMIT)


@lru_cache(2)
def _finding_of_id(names: tuple[str, ...]) -> Executable:
    query = select(*_FINDING_COLUMNS).where(finding.c.finding_id == bindparam("finding_id"))
    return query.where(*robot_conditions(finding.c.robot_key, names)).limit(ONE)


@lru_cache(2)
def _responses(names: tuple[str, ...]) -> Executable:
    query = select(response.c.received_us, response.c.payload)
    query = query.where(*(response.c[name] == bindparam(name) for name in names))
    return query.order_by(response.c.response_key.desc()).limit(LIMIT)


def _distinct(column: Column[Any]) -> Executable:
    """Make the query of a column's words: from each to the next one by the index."""
    words = select(func.min(column).label("word")).where(column.is_not(None)).cte("words", recursive=True)
    following = select(func.min(column)).where(column > words.c.word).correlate(words).scalar_subquery()
    words = words.union_all(select(following).where(words.c.word.is_not(None)))
    return select(words.c.word).where(words.c.word.is_not(None)).limit(literal_column("500"))


_WORDS = {name: _distinct(verdict.c[name]) for name in ("material", "form", "severity", "asset")}
