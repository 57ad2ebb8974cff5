"""Order the pictures that nobody has reviewed by what a review teaches most, and tell why each was kept.

The order is that of ``EvidenceReason``, of a low margin the smallest first, else the newest first. Pictures
of robots that do not tell a reason come last. A disagreement of the shadow arrives before or after its
verdict, and puts the verdict's picture, or the one that the shadow kept, among the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.history.database import from_us
from edge_node.control_room.history.records import QueuedPicture, VerdictRecord
from edge_node.control_room.history.sql_filters import bound_limit, robot_conditions, where_clause
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.shadow import Disagreement
from edge_node.messages.verdict import EvidenceReason, Verdict, encode

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import QueueFilter

_ORDER = tuple(reason.value for reason in EvidenceReason)
_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_REASONS = 16
_KEPT = 20_000  # disagreements: 2 kB each
_VERDICT_ID = "r.robot || ':' || e.epoch || ':' || v.seq"
_IS_REVIEWED = (
    f"(EXISTS (SELECT 1 FROM review w WHERE w.robot_key = v.robot_key AND w.finding_id = {_VERDICT_ID})"
    " OR (v.robot_key, v.evidence) IN (SELECT f.robot_key,"
    " json_extract(CAST(f.payload AS TEXT), '$.best_evidence_sha256') FROM finding f"
    " JOIN review w ON w.robot_key = f.robot_key AND w.finding_id = f.finding_id))"
)
_FROM = " FROM verdict v JOIN robot r ON r.robot_key = v.robot_key JOIN epoch e ON e.epoch_key = v.epoch_key"

_SELECT = (
    "SELECT v.position, v.received_us, v.replayed, m.payload, v.evidence, v.reasons, d.payload"
    f"{_FROM} JOIN verdict_message m ON m.position = v.position"
    " LEFT JOIN disagreement d ON d.robot_key = v.robot_key AND d.epoch = e.epoch AND d.seq = v.seq"
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


def describe_teaching(verdict: Verdict) -> Teaching | None:
    """Return why a verdict's picture was kept; None if the robot does not tell."""
    reasons = [reason for reason in verdict.evidence_reasons[:_MAX_REASONS] if _REASON.fullmatch(reason)]
    if verdict.evidence_sha256 is None or not reasons:
        return None
    places = [_ORDER.index(reason) for reason in reasons if reason in _ORDER]
    teaches = min(places, default=len(_ORDER))  # a reason of a later version
    is_close = teaches == _ORDER.index(EvidenceReason.LOW_MARGIN.value)
    return Teaching(",".join(reasons), teaches, (verdict.margin or 0.0) if is_close else 0.0)


def insert_disagreement(database: Database, robot_key: int, found: Disagreement, received_us: int) -> bool:
    """Store a disagreement, and mark its verdict if that is stored; False if it is stored already."""
    _, epoch, seq = split_verdict_id(found.verdict)
    changed = database.write(
        "INSERT OR IGNORE INTO disagreement (robot_key, epoch, seq, received_us, evidence, payload)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (robot_key, epoch, int(seq), received_us, found.evidence_sha256, encode(found)),
    )
    if changed:
        database.write(
            "DELETE FROM disagreement WHERE disagreement_key <="
            " (SELECT max(disagreement_key) FROM disagreement) - ?",
            (_KEPT,),
        )
        position = database.peek(
            "SELECT v.position FROM verdict v JOIN epoch e ON e.epoch_key = v.epoch_key"
            " WHERE e.robot_key = ? AND e.epoch = ? AND v.seq = ?",
            (robot_key, epoch, int(seq)),
        )
        if position is not None:
            mark_disagreed(database, int(position[0]), robot_key, epoch, int(seq))
    return bool(changed)


def mark_disagreed(database: Database, position: int, robot_key: int, epoch: str, seq: int) -> None:
    """Mark a stored verdict if the shadow disagreed with it; its picture may be the one the shadow kept."""
    known = database.peek(
        "SELECT evidence FROM disagreement WHERE robot_key = ? AND epoch = ? AND seq = ?",
        (robot_key, epoch, seq),
    )
    if known is not None:
        shadow = EvidenceReason.SHADOW.value
        database.write(
            "UPDATE verdict SET evidence = coalesce(evidence, ?1), teaches = ?2, margin = 0,"
            " reasons = iif(reasons = '', ?3, ?3 || ',' || reasons) WHERE position = ?4",
            (known[0], _ORDER.index(shadow), shadow, position),
        )


def select_queue(
    database: Database, only: QueueFilter, limit: int, after: str | None = None
) -> list[QueuedPicture]:
    """Return pictures, what teaches most first, one page after the picture of the verdict ``after``."""
    conditions, values = _conditions(only)
    if after is not None and (place := _find_place(database, after)) is not None:
        conditions.append("(v.teaches, v.margin, -v.position) > (?, ?, -?)")
        values += place
    rows = database.rows(
        f"{_SELECT}{where_clause(conditions)} ORDER BY v.teaches, v.margin, v.position DESC LIMIT ?",
        (*values, bound_limit(limit)),
    )
    return [_queued(row) for row in rows]


def count_queue(database: Database, only: QueueFilter) -> dict[str, int]:
    """Count the pictures by reason; a picture with several counts for each, "" stands for none told."""
    conditions, values = _conditions(only)
    rows = database.rows(
        f"SELECT v.reasons, count(*){_FROM}{where_clause(conditions)} GROUP BY v.reasons", values
    )
    counts: dict[str, int] = {}
    for reasons, count in rows:
        for reason in reasons.split(","):
            counts[reason] = counts.get(reason, 0) + count
    return counts


def select_queued(database: Database, verdict_id: str) -> QueuedPicture | None:
    """Return the picture of one verdict, reviewed or not; None without a picture."""
    if not database.has_table("disagreement"):  # a file that no newer control room has opened
        return None
    place = _find_place(database, verdict_id)
    if place is None:
        return None
    rows = database.rows(f"{_SELECT} WHERE v.position = ? AND v.evidence IS NOT NULL", (place[2],))
    return _queued(rows[0]) if rows else None


def _conditions(only: QueueFilter) -> tuple[list[str], list[Any]]:
    conditions, values = robot_conditions("v", only.site, only.robot)
    conditions.append("v.evidence IS NOT NULL")
    if only.reason == "":
        conditions.append("v.reasons = ''")
    elif only.reason is not None:
        conditions.append("instr(',' || v.reasons || ',', ?)")
        values.append(f",{only.reason},")
    if not only.missing:
        conditions.append(
            "EXISTS (SELECT 1 FROM picture p WHERE p.robot_key = v.robot_key AND p.sha256 = v.evidence)"
        )
    if not only.reviewed:
        conditions.append(f"NOT {_IS_REVIEWED}")
    return conditions, values


def _find_place(database: Database, verdict_id: str) -> tuple[int, float, int] | None:
    robot, epoch, seq = split_verdict_id(verdict_id)
    if not seq.isascii() or not seq.isdigit() or len(seq) > 18:
        return None
    rows = database.rows(
        f"SELECT v.teaches, v.margin, v.position{_FROM} WHERE v.seq = ? AND e.epoch = ? AND r.robot = ?",
        (int(seq), epoch, robot),
    )
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def _queued(row: tuple[Any, ...]) -> QueuedPicture:
    verdict = msgspec.json.decode(row[3], type=Verdict)
    return QueuedPicture(
        record=VerdictRecord(row[0], from_us(row[1]), bool(row[2]), verdict),
        sha256=row[4],
        reasons=tuple(reason for reason in row[5].split(",") if reason),
        disagreement=None if row[6] is None else msgspec.json.decode(row[6], type=Disagreement),
    )
