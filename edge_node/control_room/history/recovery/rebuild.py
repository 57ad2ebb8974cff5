"""Build a history anew from the rows that were recovered of a damaged one.

A verdict is stored anew from its message, as if it had just arrived, so that every column and count fits it.
A message that does not decode, a picture with another hash, a row of a robot that nobody knows any more:
left out, and counted. A verdict that is lost counts as never received: it becomes a gap, and a robot that
still holds it can send it again.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from functools import lru_cache
from itertools import count as count_from
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.inserts import insert_verdict
from edge_node.control_room.history.recovery.number_ranges import Range, cut_below, join, subtract
from edge_node.control_room.history.sql_filters import ZERO
from edge_node.control_room.history.storage import tables
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.epoch_counts import COUNT_MISSING
from edge_node.control_room.history.verdict_batch import NewVerdict
from edge_node.messages.finding import Finding
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.response import Response
from edge_node.messages.shadow import Disagreement
from edge_node.messages.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Table
    from sqlalchemy.dialects.postgresql import Insert

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.recovery.recovered_rows import RecoveredRows

_BATCH = 1000  # rows of a transaction
_MESSAGES: dict[Table, type[msgspec.Struct]] = {
    tables.finding: Finding,
    tables.response: Response,
    tables.disagreement: Disagreement,
    tables.conflict: Verdict,
}
# In this order: a verdict looks at what its shadow said of it, and at the record of its robot.
_BEFORE_VERDICTS = (tables.disagreement,)
_AFTER_VERDICTS = (
    *(tables.conflict, tables.finding, tables.review, tables.response, tables.picture),
    *(tables.refused, tables.audit, tables.quarantine, tables.checkpoint, tables.given_up),
    *(tables.retired, tables.sighting, tables.defect, tables.defect_deed, tables.defect_match),
)
_COUNTERS = ("last_heard_us", "last_verdict_us", "verdicts", "duplicates", "clock_ahead_us")
_STATES = ("from_start", "previous_key", "named_seq", "named_us")
_NO_ROBOT: dict[str, Any] = {
    **dict.fromkeys(column.name for column in tables.robot.c),
    "verdicts": 0,
    "duplicates": 0,
}
_OWN_KEYS = 1 << 40  # of robots and epochs whose own are lost: above all that a history gave

_ADD_ROBOT, _ADD_EPOCH = (
    insert(table).values({column.name: bindparam(column.name) for column in table.c})
    for table in (tables.robot, tables.epoch)
)
_ADD_STATE = insert(tables.epoch_state).values(
    {"epoch_key": bindparam("epoch_key"), "robot_key": bindparam("robot_key"), "from_start": ZERO}
)
_SET_HASH = (
    update(tables.verdict)
    .where(tables.verdict.c.epoch_key == bindparam("key"), tables.verdict.c.seq == bindparam("number"))
    .values(sha256=bindparam("hash"))
)
_SET_ROBOT = (
    update(tables.robot)
    .where(tables.robot.c.robot_key == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in _COUNTERS})
)
_SET_STATE = (
    update(tables.epoch_state)
    .where(tables.epoch_state.c.epoch_key == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in _STATES})
)
_RANGES = select(tables.arrived.c.first_seq, tables.arrived.c.last_seq).where(
    tables.arrived.c.epoch_key == bindparam("key")
)
_DROP_RANGES = delete(tables.arrived).where(tables.arrived.c.epoch_key == bindparam("key"))
_ADD_RANGE = insert(tables.arrived).values(
    {name: bindparam(name) for name in ("epoch_key", "first_seq", "last_seq")}
)
Row = dict[str, Any]
_Item = TypeVar("_Item")
_Message = TypeVar("_Message", bound=msgspec.Struct)


class LostVerdicts(NamedTuple):
    """Verdicts of an epoch that were stored and cannot be read any more, by number, both ends included."""

    site: str
    robot: str
    epoch: str
    ranges: list[Range]


class Rebuilt(NamedTuple):
    """What came of it.

    Attributes:
        kept: rows by table.
        unreadable: rows by table that were found, and can't be right.
        lost: verdicts that were stored and were not found.
    """

    kept: dict[str, int]
    unreadable: dict[str, int]
    lost: list[LostVerdicts]


def rebuild(source: RecoveredRows, target: Database, report: Callable[[str, float], None]) -> Rebuilt:
    """Store in the empty ``target`` what was recovered.

    Args:
        source: rows as they were found.
        target: a history without a row.
        report: takes the step and the share of it that is done.

    Raises:
        HistoryError: ``target`` cannot be written.
    """
    return _Rebuild(source, target, report).run()


class _Rebuild:
    def __init__(self, source: RecoveredRows, target: Database, report: Callable[[str, float], None]) -> None:
        self._source = source
        self._target = target
        self._report = report
        self._kept: Counter[str] = Counter()
        self._unreadable: Counter[str] = Counter()
        self._robots: dict[int, tuple[str, str]] = {}  # names by key
        self._epochs: dict[tuple[str, str, str], int] = {}  # keys by names
        self._unread: dict[int, list[Range]] = {}  # numbers whose messages are lost, by the epoch's key
        self._last_received_us = 0
        self._own_keys = count_from(_OWN_KEYS)

    def run(self) -> Rebuilt:
        robots = list(self._source.rows(tables.robot))
        with self._target.transaction():
            for row in robots:
                self._add_robot(row["robot_key"], row["site"], row["robot"], row)
            for row in self._source.rows(tables.epoch):
                if row["robot_key"] in self._robots:
                    self._add_epoch(row["epoch_key"], row["robot_key"], row["epoch"])
        for table in _BEFORE_VERDICTS:
            self._copy(table)
        total = max(self._source.count(tables.verdict_message), 1)
        for batch in _batches(self._paired_verdicts()):
            with self._target.transaction():
                for found, payload in batch:
                    self._add_verdict(found, payload)
            self._report("storing verdicts", min(self._kept[tables.verdict.name] / total, 1.0))
        for table in _AFTER_VERDICTS:
            self._copy(table)
        with self._target.transaction():
            self._set_counters(robots)
        with self._target.transaction():
            lost = self._set_ranges()
        return Rebuilt(
            dict(self._kept), {name: many for name, many in self._unreadable.items() if many}, lost
        )

    def _add_robot(self, key: int, site: str, robot: str, row: Row | None = None) -> None:
        if key in self._robots or (site, robot) in self._robots.values():
            return
        heard = {"first_heard_us": self._last_received_us, "last_heard_us": self._last_received_us}
        self._target.write(
            _ADD_ROBOT, {**_NO_ROBOT, **heard, **(row or {}), "robot_key": key, "site": site, "robot": robot}
        )
        self._robots[key] = (site, robot)

    def _add_epoch(self, key: int, robot_key: int, epoch: str) -> None:
        names = (*self._robots[robot_key], epoch)
        if key in self._epochs.values() or names in self._epochs:
            return
        self._target.write(_ADD_EPOCH, {"epoch_key": key, "robot_key": robot_key, "epoch": epoch})
        self._target.write(_ADD_STATE, {"epoch_key": key, "robot_key": robot_key})
        self._epochs[names] = key

    def _paired_verdicts(self) -> Iterator[tuple[Row | None, bytes | None]]:
        """Return each verdict's row and message, in the order of arrival; one of them may be lost."""
        both = heapq.merge(
            ((row["position"], 0, row) for row in self._source.rows(tables.verdict)),
            ((row["position"], 1, row) for row in self._source.rows(tables.verdict_message)),
            key=itemgetter(0, 1),
        )
        for _, found in groupby(both, key=itemgetter(0)):
            parts = {place: row for _, place, row in found}
            yield parts.get(0), parts[1]["payload"] if 1 in parts else None

    def _add_verdict(self, found: Row | None, payload: bytes | None) -> None:
        """Store a verdict from its message; without one its number is lost."""
        verdict = None if payload is None else _decode(payload, Verdict)
        if payload is None or verdict is None or (found is not None and found["seq"] != verdict.seq):
            self._unreadable[tables.verdict.name] += 1
            if found is not None:
                self._unread.setdefault(found["epoch_key"], []).append((found["seq"], found["seq"]))
            return
        names = (verdict.site, verdict.robot, split_verdict_id(verdict.id).epoch)
        row: Row = found or {}
        self._last_received_us = row.get("received_us") or self._last_received_us
        if names not in self._epochs:
            self._add_robot(row.get("robot_key") or next(self._own_keys), *names[:2])
            robot_key = next((key for key, robot in self._robots.items() if robot == names[:2]), None)
            if robot_key is None:  # its key is another robot's: the row is damaged
                self._add_robot(robot_key := next(self._own_keys), *names[:2])
            self._add_epoch(row.get("epoch_key") or next(self._own_keys), robot_key, names[2])
            if names not in self._epochs:
                self._add_epoch(next(self._own_keys), robot_key, names[2])
        received_us = self._last_received_us or to_us(verdict.observed_at)
        is_replayed = bool(row.get("replayed", True))
        new = NewVerdict(verdict, payload, hashlib.sha256(payload).digest(), received_us, is_replayed)
        if not insert_verdict(self._target, new):
            self._unreadable[tables.verdict.name] += 1
            return
        self._kept[tables.verdict.name] += 1
        if row.get("sha256"):  # of the message as it came, which was stored in our own order of fields
            key = self._epochs[names]
            self._target.write(_SET_HASH, {"key": key, "number": verdict.seq, "hash": row["sha256"]})

    def _copy(self, table: Table) -> None:
        """Copy the rows of a table that can be right."""
        total = max(self._source.count(table), 1)
        for batch in _batches(self._source.rows(table)):
            rows = [row for row in batch if self._is_right(table, row)]
            self._unreadable[table.name] += len(batch) - len(rows)
            self._kept[table.name] += len(rows)
            for names, alike in groupby(sorted(rows, key=len), key=tuple):  # older rows have fewer columns
                self._target.write_all(_add_row(table, names), list(alike))
            self._report(f"storing rows of the table {table.name}", min(self._kept[table.name] / total, 1.0))

    def _is_right(self, table: Table, row: Row) -> bool:
        robot = self._robots.get(row.get("robot_key", -1))
        if "robot_key" in row and robot is None:
            return False
        if table is tables.picture:
            return _is_picture(row)
        if table not in _MESSAGES:
            return True
        message: Any = _decode(row["payload"], _MESSAGES[table])
        if message is None or (message.site, message.robot) != robot:
            return False
        key = f"{table.name}_id"
        return key not in row or row[key] == message.id

    def _set_counters(self, robots: Iterable[Row]) -> None:
        """Set what a robot's row counted, and what was known of its epochs."""
        for row in robots:
            if self._robots.get(row["robot_key"]) == (row["site"], row["robot"]):
                values = {f"new_{name}": row.get(name) for name in _COUNTERS}
                self._target.write(_SET_ROBOT, {"key": row["robot_key"], **values})
        known = set(self._epochs.values())
        for row in self._source.rows(tables.epoch_state):
            if row["epoch_key"] in known:
                values = {f"new_{name}": row.get(name) for name in _STATES}
                self._target.write(_SET_STATE, {"key": row["epoch_key"], **values})

    def _set_ranges(self) -> list[LostVerdicts]:
        """Count what is lost as never received; what was deleted by age still counts as received."""
        before: dict[int, list[Range]] = {}
        for row in self._source.rows(tables.arrived):
            if 0 < row["first_seq"] <= row["last_seq"]:
                before.setdefault(row["epoch_key"], []).append((row["first_seq"], row["last_seq"]))
        lost = []
        for names, key in self._epochs.items():
            found = join((first, last) for first, last in self._target.rows(_RANGES, {"key": key}))
            unread = subtract(self._unread.get(key, ()), found)
            received = join(before.get(key, ()))
            gone = join(unread, cut_below(subtract(received, found), found[0][0]) if found else ())
            if gone:
                lost.append(LostVerdicts(*names, gone))
            self._target.write(_DROP_RANGES, {"key": key})
            for first, last in subtract(join(received, found), gone):
                self._target.write(_ADD_RANGE, {"epoch_key": key, "first_seq": first, "last_seq": last})
        self._target.write(COUNT_MISSING)
        return lost


@lru_cache(64)
def _add_row(table: Table, names: tuple[str, ...]) -> Insert:
    return insert_new(table).values({name: bindparam(name) for name in names})


def _decode(payload: bytes, kind: type[_Message]) -> _Message | None:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, ValueError):
        return None


def _is_picture(row: Row) -> bool:
    content = row["content"]
    if len(content) != row["bytes"]:
        return False
    # A thumbnail is named by the hash of the full picture.
    return bool(row["is_thumbnail"]) or hashlib.sha256(content).hexdigest() == row["sha256"]


def _batches(rows: Iterator[_Item]) -> Iterator[list[_Item]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch
