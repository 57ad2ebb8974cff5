"""Query the history in SQL and build records from the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.history import conflicts, sequence_gaps
from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.finding_span import find_spans, holds, select_rows, was_open
from edge_node.control_room.history.records import (
    Delivery,
    FindingFilter,
    FindingRecord,
    Misdated,
    RefusalCount,
    ResponseRecord,
    RobotRecord,
    StoredPicture,
    StoredReview,
    Usage,
    VerdictFilter,
    VerdictRecord,
)
from edge_node.control_room.history.sql_filters import (
    MAX_LIMIT,
    bound_limit,
    finding_conditions,
    robot_conditions,
    verdict_conditions,
    where_clause,
)
from edge_node.messages.finding import Finding
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.response import Response
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.status import Health, Status
from edge_node.messages.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge_node.control_room.history.database import Database

_MAX_US = (1 << 63) - 1
_WORDS = ("material", "form", "severity", "asset")
_VERDICT = "v.position, v.received_us, v.replayed, m.payload"
_REVIEW = (
    "v.review_id, r.site, r.robot, v.finding_id, v.opinion, v.note, v.reviewer, v.reviewed_us,"
    " v.corrections, v.delivery, v.answer"
)
# Before 2020 no robot ran, and none dates a verdict an hour after it arrived. A past date proves nothing: the
# verdict may have waited at the robot, or at the broker for this room.
_IS_MISDATED = "(v.observed_us < 1577836800000000 OR v.observed_us > v.received_us + 3600000000)"
_VERDICT_DECODER = msgspec.json.Decoder(Verdict)


def select_robots(database: Database) -> list[RobotRecord]:
    """Return all robots but those that were retired, by site and name."""
    is_listed = (
        " WHERE robot_key NOT IN (SELECT robot_key FROM retired)" if database.has_table("retired") else ""
    )
    missing = sequence_gaps.count_missing(database)
    repeated = conflicts.count_conflicts(database)
    rows = database.rows(
        "SELECT robot_key, site, robot, first_heard_us, last_heard_us, status, health, last_verdict_us,"
        " verdicts, duplicates, clock_ahead_us FROM robot"
        f"{is_listed} ORDER BY site, robot"
    )
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
        for row in rows
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
    conditions, values = verdict_conditions(only)
    if after is not None:
        sign = ">" if oldest_first else "<"
        conditions.append(f"(v.observed_us, v.position) {sign} (?, ?)")
        values += [to_us(after.verdict.observed_at), after.position]
    order = "ASC" if oldest_first else "DESC"
    # Search the narrow table first; read messages only for the rows of this page.
    rows = database.rows(
        f"SELECT {_VERDICT} FROM (SELECT position, received_us, replayed, observed_us FROM verdict v"
        f"{where_clause(conditions)} ORDER BY v.observed_us {order}, v.position {order} LIMIT ?) v"
        " JOIN verdict_message m ON m.position = v.position"
        f" ORDER BY v.observed_us {order}, v.position {order}",
        (*values, bound_limit(limit)),
    )
    return [_verdict_record(row) for row in rows]


def count_verdicts(database: Database, only: VerdictFilter | None) -> int:
    """Count the verdicts that match a filter."""
    conditions, values = verdict_conditions(only)
    return int(database.rows(f"SELECT count(*) FROM verdict v{where_clause(conditions)}", values)[0][0])


def find_misdated(database: Database, only: VerdictFilter) -> Misdated | None:
    """Find the verdicts of a robot that arrived in a filter's span of time, and that its dates miss."""
    if only.since is None and only.until is None:
        return None
    conditions, values = robot_conditions("v", only.site, only.robot)
    begin_us = 0 if only.since is None else to_us(only.since)
    span = begin_us, _MAX_US if only.until is None else to_us(only.until)
    conditions += ["v.received_us BETWEEN ? AND ?", "v.observed_us NOT BETWEEN ? AND ?", _IS_MISDATED]
    count, first_us, last_us = database.rows(
        "SELECT count(*), min(v.observed_us), max(v.observed_us) FROM verdict v NOT INDEXED"
        f"{where_clause(conditions)}",
        (*values, *span, *span),
    )[0]
    return Misdated(count, from_us(first_us), from_us(last_us)) if count else None


def select_verdict(database: Database, verdict_id: str) -> VerdictRecord | None:
    """Return the verdict with this id."""
    robot, epoch, seq = split_verdict_id(verdict_id)
    if not seq.isascii() or not seq.isdigit() or len(seq) > 18:
        return None
    rows = database.rows(
        f"SELECT {_VERDICT} FROM verdict v JOIN verdict_message m USING (position)"
        " WHERE v.seq = ? AND v.epoch_key IN (SELECT epoch_key FROM epoch JOIN robot USING (robot_key)"
        " WHERE epoch = ? AND robot = ?)",
        (int(seq), epoch, robot),
    )
    return _verdict_record(rows[0]) if rows else None


def select_newest(database: Database, limit: int) -> list[VerdictRecord]:
    """Return the verdicts that arrived last, newest first."""
    rows = database.rows(
        f"SELECT {_VERDICT} FROM verdict v JOIN verdict_message m USING (position)"
        " ORDER BY v.position DESC LIMIT ?",
        (bound_limit(limit),),
    )
    return [_verdict_record(row) for row in rows]


def select_findings(database: Database, only: FindingFilter | None, limit: int) -> list[FindingRecord]:
    """Return findings, open ones first, then by when they were last observed, newest first."""
    conditions, values = finding_conditions(only or FindingFilter())
    rows = database.rows(
        f"SELECT f.robot_key, f.received_us, f.payload FROM finding f{where_clause(conditions)}"
        " ORDER BY f.is_open DESC, f.last_us DESC LIMIT ?",
        (*values, bound_limit(limit)),
    )
    return [_finding_record(database, row) for row in rows]


def select_finding(database: Database, finding_id: str, site: str | None) -> FindingRecord | None:
    """Return one finding."""
    conditions, values = ["f.finding_id = ?"], [finding_id]
    if site is not None:
        conditions.append("f.robot_key IN (SELECT robot_key FROM robot WHERE site = ?)")
        values.append(site)
    rows = database.rows(
        f"SELECT f.robot_key, f.received_us, f.payload FROM finding f{where_clause(conditions)} LIMIT 1",
        values,
    )
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
    between = [_verdict_record(row) for row in select_rows(database, spans, _VERDICT, only, limit)]
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


def select_findings_around(database: Database, verdict: Verdict) -> list[FindingRecord]:
    """Return the findings that were open at a stored verdict, in the order of their arrival."""
    records = _all_findings(database, FindingFilter(site=verdict.site, robot=verdict.robot))
    return [record for record in records if holds(database, record.finding, verdict)]


def select_reviews(
    database: Database, finding_id: str | None, delivery: Delivery | None, limit: int
) -> list[StoredReview]:
    """Return reviews, newest first."""
    rows = database.rows(
        f"SELECT {_REVIEW} FROM review v JOIN robot r USING (robot_key)"
        " WHERE (?1 IS NULL OR v.finding_id = ?1) AND (?2 IS NULL OR v.delivery = ?2)"
        " ORDER BY v.reviewed_us DESC, v.review_id LIMIT ?3",
        (finding_id, delivery.value if delivery else None, bound_limit(limit)),
    )
    return [_stored_review(row) for row in rows]


def select_responses(database: Database, command_id: str | None, limit: int) -> list[ResponseRecord]:
    """Return responses to commands, newest first."""
    rows = database.rows(
        "SELECT received_us, payload FROM response WHERE ?1 IS NULL OR command_id = ?1"
        " ORDER BY response_key DESC LIMIT ?2",
        (command_id, bound_limit(limit)),
    )
    return [ResponseRecord(from_us(row[0]), msgspec.json.decode(row[1], type=Response)) for row in rows]


def select_picture(
    database: Database, site: str, robot: str, sha256: str, *, full: bool
) -> StoredPicture | None:
    """Return the full picture if it is stored and ``full``, else the thumbnail."""
    rows = database.rows(
        "SELECT p.is_thumbnail, p.content FROM picture p JOIN robot r USING (robot_key)"
        " WHERE r.site = ? AND r.robot = ? AND p.sha256 = ?"
        f" ORDER BY p.is_thumbnail {'ASC' if full else 'DESC'} LIMIT 1",
        (site, robot, sha256),
    )
    return StoredPicture(site, robot, sha256, bool(rows[0][0]), rows[0][1]) if rows else None


def select_distinct(database: Database, column: str) -> list[str]:
    """Return the distinct values of a column of verdicts by one index lookup each, without a table scan."""
    if column not in _WORDS:
        raise ValueError(f"{column}: wanted one of {', '.join(_WORDS)}")
    rows = database.rows(
        f"WITH RECURSIVE words (word) AS (SELECT min({column}) FROM verdict WHERE {column} IS NOT NULL"
        f" UNION ALL SELECT (SELECT min({column}) FROM verdict WHERE {column} > word) FROM words"
        " WHERE word IS NOT NULL) SELECT word FROM words WHERE word IS NOT NULL LIMIT 500"
    )
    return [row[0] for row in rows]


def select_refusals(database: Database) -> list[RefusalCount]:
    """Return how many messages could not be read, by reason, most frequent first."""
    rows = database.rows(
        "SELECT reason, count, last_us, last_topic, last_text FROM refused ORDER BY count DESC, reason"
    )
    return [RefusalCount(row[0], row[1], from_us(row[2]), row[3], row[4]) for row in rows]


def count_picture_bytes(database: Database) -> int:
    """Return the bytes of all pictures."""
    return int(database.rows("SELECT coalesce(sum(bytes), 0) FROM picture")[0][0])


def measure_usage(database: Database) -> Usage:
    """Return the counts and sizes of the history."""
    row = database.rows(
        "SELECT (SELECT count(*) FROM verdict), (SELECT count(*) FROM finding),"
        " (SELECT count(*) FROM picture), (SELECT received_us FROM verdict ORDER BY position LIMIT 1)"
    )[0]
    return Usage(
        verdicts=row[0],
        findings=row[1],
        pictures=row[2],
        database_bytes=database.used_bytes(),
        picture_bytes=count_picture_bytes(database),
        oldest_received_at=None if row[3] is None else from_us(row[3]),
    )


def _all_findings(database: Database, only: FindingFilter) -> list[FindingRecord]:
    conditions, values = finding_conditions(only)
    rows = database.rows(
        f"SELECT f.robot_key, f.received_us, f.payload FROM finding f{where_clause(conditions)}"
        " ORDER BY f.finding_key LIMIT ?",
        (*values, MAX_LIMIT),
    )
    return [_finding_record(database, row) for row in rows]


def _verdict_record(row: Sequence[Any]) -> VerdictRecord:
    return VerdictRecord(row[0], from_us(row[1]), bool(row[2]), _VERDICT_DECODER.decode(row[3]))


def _finding_record(database: Database, row: Sequence[Any]) -> FindingRecord:
    found = msgspec.json.decode(row[2], type=Finding)
    reviewed = database.rows(
        f"SELECT {_REVIEW} FROM review v JOIN robot r USING (robot_key)"
        " WHERE v.robot_key = ? AND v.finding_id = ? ORDER BY v.reviewed_us DESC LIMIT 1",
        (row[0], found.id),
    )
    return FindingRecord(found, from_us(row[1]), _stored_review(reviewed[0]) if reviewed else None)


def _stored_review(row: Sequence[Any]) -> StoredReview:
    return StoredReview(
        review_id=row[0],
        site=row[1],
        robot=row[2],
        finding_id=row[3],
        opinion=ReviewJudgement(row[4]),
        note=row[5],
        reviewer=row[6],
        reviewed_at=from_us(row[7]),
        corrections=msgspec.json.decode(row[8], type=dict[str, str]),
        delivery=Delivery(row[9]),
        answer=row[10],
    )
