"""Match findings with the verdicts from their first to their last, by epoch and number.

Not by time: a robot's clock may be set while a finding is open, and its dates then contain other verdicts, or
none. Where the history has no verdict of a finding any more, its dates are all that is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.sql_filters import (
    LIMIT,
    SHAPES,
    robot_conditions,
    verdict_conditions,
    verdict_values,
)
from edge_node.control_room.history.storage.dialect import HINTS
from edge_node.control_room.history.storage.tables import epoch, verdict, verdict_message
from edge_node.messages.identifiers import split_verdict_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Executable

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import VerdictFilter
    from edge_node.messages.finding import Finding
    from edge_node.messages.verdict import Verdict

_MAX_SEQ = (1 << 63) - 1
_same = epoch.alias("same")
_EPOCHS_BETWEEN = (
    select(epoch.c.epoch_key)
    .where(
        epoch.c.epoch_key.between(bindparam("first"), bindparam("last")),
        epoch.c.robot_key
        == select(_same.c.robot_key).where(_same.c.epoch_key == bindparam("first")).scalar_subquery(),
    )
    .order_by(epoch.c.epoch_key)
)
_FIND_EPOCH = select(epoch.c.epoch_key).where(
    *robot_conditions(epoch.c.robot_key, ("site", "robot")), epoch.c.epoch == bindparam("epoch")
)
# A verdict as a query returns it: position, time of arrival, whether it waited, message.
VERDICT_COLUMNS = (
    verdict.c.position,
    verdict.c.received_us,
    verdict.c.replayed,
    verdict_message.c.payload,
)


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
    keys = database.rows(_EPOCHS_BETWEEN, {"first": first[0], "last": last[0]})
    return [
        Span(key, first[1] if key == first[0] else 0, last[1] if key == last[0] else _MAX_SEQ)
        for (key,) in keys
    ]


def select_rows(
    database: Database, spans: Sequence[Span], only: VerdictFilter | None, limit: int
) -> list[tuple[Any, ...]]:
    """Return the verdicts in ``spans`` that match a filter, in the order of their numbers."""
    values = verdict_values(only)
    query = _in_span(tuple(values))
    rows: list[tuple[Any, ...]] = []
    for span in spans:
        if len(rows) < limit:
            place = {"epoch_key": span.epoch_key, "first": span.first_seq, "last": span.last_seq}
            rows += database.rows(query, {**values, **place, "limit": limit - len(rows)})
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
    if select_rows(database, spans, only, 1):
        return True
    if select_rows(database, spans, None, 1):
        return False
    first_us, last_us = sorted((to_us(found.first_observed_at), to_us(found.last_observed_at)))
    return first_us <= to_us(end) and last_us >= to_us(begin)


def holds(database: Database, found: Finding, stored: Verdict) -> bool:
    """Tell whether a stored verdict of the finding's robot lies between the finding's first and last."""
    first, last = split_verdict_id(found.first_verdict), split_verdict_id(found.last_verdict)
    if first.epoch == last.epoch != split_verdict_id(stored.id).epoch:
        return False
    place = _locate(database, found, stored.id)
    return place is not None and any(
        span.epoch_key == place[0] and span.first_seq <= place[1] <= span.last_seq
        for span in find_spans(database, found)
    )


def _locate(database: Database, found: Finding, verdict_id: str) -> tuple[int, int] | None:
    """Return the key of a verdict's epoch, and its number; None if the history does not know the epoch."""
    _, epoch_name, seq = split_verdict_id(verdict_id)
    if not seq.isascii() or not seq.isdigit() or len(seq) > 18:
        return None
    named = {"site": found.site, "robot": found.robot, "epoch": epoch_name}
    rows = database.rows(_FIND_EPOCH, named)
    return (rows[0][0], int(seq)) if rows else None


@lru_cache(SHAPES)
def _in_span(names: tuple[str, ...]) -> Executable:
    """Return the query of the verdicts of a filter in a span, by the index of their numbers.

    Left to itself, SQLite takes an index of the filter for the shorter way.
    """
    return (
        select(*VERDICT_COLUMNS)
        .join_from(verdict, verdict_message, verdict_message.c.position == verdict.c.position)
        .with_hint(verdict, "INDEXED BY verdict_by_number", HINTS)
        .where(
            verdict.c.epoch_key == bindparam("epoch_key"),
            verdict.c.seq.between(bindparam("first"), bindparam("last")),
            *verdict_conditions(names),
        )
        .order_by(verdict.c.seq)
        .limit(LIMIT)
    )
