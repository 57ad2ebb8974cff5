"""Match findings with the verdicts from their first to their last, by epoch and number.

Not by time: a robot's clock may be set while a finding is open, and its dates then contain other verdicts, or
none. Where the history has no verdict of a finding any more, its dates are all that is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.sql_filters import robot_conditions, verdict_conditions, where_clause
from edge_node.messages.identifiers import split_verdict_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import VerdictFilter
    from edge_node.messages.finding import Finding
    from edge_node.messages.verdict import Verdict

_MAX_SEQ = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers of one epoch from a finding's first verdict to its last."""

    epoch_key: int
    first_seq: int
    last_seq: int


def find_spans(database: Database, found: Finding) -> list[Span]:
    """Return a finding's spans, one for each epoch in the order in which they arrived.

    A finding that outlives a restart has its first and its last verdict in two epochs. An empty list: the
    history knows neither epoch.
    """
    first, last = _locate(database, found, found.first_verdict), _locate(database, found, found.last_verdict)
    if first is None or last is None or first[0] > last[0]:  # the first epoch may be heard of later
        ends = [Span(key, seq, _MAX_SEQ) for key, seq in filter(None, [first])]
        return ends + [Span(key, 0, seq) for key, seq in filter(None, [last])]
    keys = database.rows(
        "SELECT epoch_key FROM epoch WHERE epoch_key BETWEEN ? AND ?"
        " AND robot_key = (SELECT robot_key FROM epoch WHERE epoch_key = ?) ORDER BY epoch_key",
        (first[0], last[0], first[0]),
    )
    return [
        Span(key, first[1] if key == first[0] else 0, last[1] if key == last[0] else _MAX_SEQ)
        for (key,) in keys
    ]


def select_rows(
    database: Database, spans: Sequence[Span], columns: str, only: VerdictFilter | None, limit: int
) -> list[tuple[Any, ...]]:
    """Return columns of the verdicts in ``spans`` that match a filter, in the order of their numbers."""
    conditions, values = verdict_conditions(only)
    where = where_clause(["v.epoch_key = ?", "v.seq BETWEEN ? AND ?", *conditions])
    rows: list[tuple[Any, ...]] = []
    for span in spans:
        if len(rows) < limit:
            rows += database.rows(
                f"SELECT {columns} FROM verdict v INDEXED BY verdict_by_number"
                f" JOIN verdict_message m USING (position){where} ORDER BY v.seq LIMIT ?",
                (span.epoch_key, span.first_seq, span.last_seq, *values, limit - len(rows)),
            )
    return rows


def was_open(database: Database, found: Finding, only: VerdictFilter, begin: datetime, end: datetime) -> bool:
    """Tell whether a finding was open at a verdict that matches ``only``.

    Args:
        database: of the history.
        found: the finding's newest message.
        only: a filter.
        begin: earliest time of those verdicts, for a finding whose own verdicts are deleted.
        end: their latest time.
    """
    spans = find_spans(database, found)
    if select_rows(database, spans, "1", only, 1):
        return True
    if select_rows(database, spans, "1", None, 1):
        return False
    first_us, last_us = sorted((to_us(found.first_observed_at), to_us(found.last_observed_at)))
    return first_us <= to_us(end) and last_us >= to_us(begin)


def holds(database: Database, found: Finding, verdict: Verdict) -> bool:
    """Tell whether a stored verdict of the finding's robot lies between the finding's first and last."""
    first, last = split_verdict_id(found.first_verdict), split_verdict_id(found.last_verdict)
    if first.epoch == last.epoch != split_verdict_id(verdict.id).epoch:
        return False
    place = _locate(database, found, verdict.id)
    return place is not None and any(
        span.epoch_key == place[0] and span.first_seq <= place[1] <= span.last_seq
        for span in find_spans(database, found)
    )


def _locate(database: Database, found: Finding, verdict_id: str) -> tuple[int, int] | None:
    """Return the key of a verdict's epoch, and its number; None if the history does not know the epoch."""
    _, epoch, seq = split_verdict_id(verdict_id)
    if not seq.isascii() or not seq.isdigit() or len(seq) > 18:
        return None
    conditions, values = robot_conditions("e", found.site, found.robot)
    rows = database.rows(
        f"SELECT e.epoch_key FROM epoch e{where_clause([*conditions, 'e.epoch = ?'])}", (*values, epoch)
    )
    return (rows[0][0], int(seq)) if rows else None
