"""Check a history: its pages, and whether every message in it can be read and is what its row says."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, func, select

from edge_node.control_room.history.database import NAME, Database, HistoryError
from edge_node.control_room.history.recovery.replacement import describe_missing
from edge_node.control_room.history.recovery.whole_file import find_damage
from edge_node.control_room.history.sql_filters import LIMIT, bound_limit
from edge_node.control_room.history.storage import tables
from edge_node.messages.finding import Finding
from edge_node.messages.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Executable, Table

_BATCH = 500
_MAX_PROBLEMS = 20  # of a kind that are named; the others are counted
_VERDICTS = (
    select(tables.verdict.c.position, tables.verdict.c.seq, tables.verdict_message.c.payload)
    .outerjoin(tables.verdict_message, tables.verdict_message.c.position == tables.verdict.c.position)
    .where(tables.verdict.c.position > bindparam("after"))
    .order_by(tables.verdict.c.position)
    .limit(LIMIT)
)
_FINDINGS = (
    select(tables.finding.c.finding_key, tables.finding.c.finding_id, tables.finding.c.payload)
    .where(tables.finding.c.finding_key > bindparam("after"))
    .order_by(tables.finding.c.finding_key)
    .limit(LIMIT)
)
_PICTURES = (
    select(
        *(tables.picture.c.picture_key, tables.picture.c.sha256),
        *(tables.picture.c.is_thumbnail, tables.picture.c.bytes, tables.picture.c.content),
    )
    .where(tables.picture.c.picture_key > bindparam("after"))
    .order_by(tables.picture.c.picture_key)
    .limit(LIMIT)
)


class HistoryCheck(msgspec.Struct, kw_only=True):
    """What a check read, and what it found.

    Attributes:
        checked: rows that were read, by kind.
        problems: one sentence each; none if the history is whole.
        is_missing: there is no history.
    """

    path: str
    checked: dict[str, int] = {}
    problems: list[str] = []
    is_missing: bool = False


def check_history(folder: Path, report: Callable[[str, float], None]) -> HistoryCheck:
    """Read every page and every message of a history, also while a control room runs on it.

    Args:
        folder: the state folder.
        report: takes the step and the share of it that is done.
    """
    done = HistoryCheck(path=str(folder / NAME))
    if not (folder / NAME).is_file():
        done.is_missing = True
        done.problems.append(describe_missing(folder))
        return done
    report("checking pages and indexes", 0.0)
    done.problems.extend(f"{done.path}: {line}" for line in find_damage(folder / NAME))
    try:
        database = Database(folder, read_only=True)
    except HistoryError as err:
        done.problems.append(str(err))
        return done
    try:
        for kind in (
            _Kind("verdicts", _count(tables.verdict), _VERDICTS, _judge_verdict),
            _Kind("findings", _count(tables.finding), _FINDINGS, _judge_finding),
            _Kind("pictures", _count(tables.picture), _PICTURES, _judge_picture),
        ):
            done.problems.extend(_check_rows(database, kind, done.checked, report))
    finally:
        database.close()
    return done


def _count(table: Table) -> Executable:
    return select(func.count()).select_from(table)


class _Kind(NamedTuple):
    """Rows that are checked, and what tells what is wrong with one."""

    name: str
    count_all: Executable
    query: Executable
    judge: Callable[[tuple[Any, ...]], str]


def _check_rows(
    database: Database, kind: _Kind, checked: dict[str, int], report: Callable[[str, float], None]
) -> list[str]:
    found: list[str] = []
    rows = 0
    try:
        total = max(database.rows(kind.count_all)[0][0], 1)
        for row in _rows(database, kind.query):
            rows += 1
            if rows % _BATCH == 0:
                report(f"checking {kind.name}", min(rows / total, 1.0))
            if problem := kind.judge(row):
                found.append(problem)
    except HistoryError as err:
        found.append(f"those behind the first {rows} cannot be read: {err}")
    checked[kind.name] = rows
    if len(found) > _MAX_PROBLEMS:
        found[_MAX_PROBLEMS:] = [f"{len(found) - _MAX_PROBLEMS} more of them"]
    return [f"{kind.name}: {problem}" for problem in found]


def _rows(database: Database, query: Executable) -> Iterator[tuple[Any, ...]]:
    after = -1
    while batch := database.rows(query, {"after": after, "limit": bound_limit(_BATCH)}):
        yield from batch
        after = batch[-1][0]


def _judge_verdict(row: tuple[Any, ...]) -> str:
    position, seq, payload = row
    if payload is None:
        return f"position {position}: its message is not there"
    try:
        verdict = msgspec.json.decode(payload, type=Verdict)
    except (msgspec.DecodeError, ValueError) as err:
        return f"position {position}: its message cannot be read: {err}"
    return "" if verdict.seq == seq else f"position {position}: number {seq}, its message says {verdict.seq}"


def _judge_finding(row: tuple[Any, ...]) -> str:
    _, finding_id, payload = row
    try:
        found = msgspec.json.decode(payload, type=Finding)
    except (msgspec.DecodeError, ValueError) as err:
        return f"{finding_id}: its message cannot be read: {err}"
    return "" if found.id == finding_id else f"{finding_id}: its message says {found.id}"


def _judge_picture(row: tuple[Any, ...]) -> str:
    _, sha256, is_thumbnail, size, content = row
    if len(content) != size:
        return f"{sha256}: {len(content)} bytes, wanted {size}"
    # A thumbnail is named by the hash of the full picture.
    is_right = is_thumbnail or hashlib.sha256(content).hexdigest() == sha256
    return "" if is_right else f"{sha256}: its content has another hash"
