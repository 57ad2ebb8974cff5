"""Check the hash that each verdict names, in the transaction that stores it, in whatever order they come."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, delete, func, select

from edge_node.control_room.history.sql_filters import LIMIT, ZERO
from edge_node.control_room.history.storage.dialect import insert_new, insert_or_update
from edge_node.control_room.history.storage.tables import (
    chain_range,
    epoch,
    epoch_before,
    robot,
    verdict,
    verdict_message,
)
from edge_node.messages.verdict import EpochEnd, Verdict  # the same
from edge_node.record.chain_ranges import ChainRange, ChainRanges, RangeKind, join_verdicts, range_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_node.control_room.history.database import Database

MAX_RANGES = 2000  # of an epoch; a robot whose chain is broken everywhere would fill the disk
_PAGE = 2000
_FIELD = b'"previous_sha256":'

_log = logging.getLogger(__name__)

_COLUMNS = ("first_seq", "last_seq", "kind", "first_previous", "last_sha256")
_OF_EPOCH = chain_range.c.epoch_key == bindparam("epoch_key")
_FIND_EPOCH = (
    select(epoch.c.epoch_key)
    .join(robot, robot.c.robot_key == epoch.c.robot_key)
    .where(
        robot.c.site == bindparam("site"),
        robot.c.robot == bindparam("robot"),
        epoch.c.epoch == bindparam("epoch"),
    )
)
_lower = (
    select(func.max(chain_range.c.first_seq))
    .where(_OF_EPOCH, chain_range.c.first_seq < bindparam("low"))
    .scalar_subquery()
)
_AROUND = (
    select(*(chain_range.c[name] for name in _COLUMNS))
    .where(
        _OF_EPOCH,
        chain_range.c.first_seq >= func.coalesce(_lower, ZERO),
        chain_range.c.first_seq <= bindparam("high"),
    )
    .order_by(chain_range.c.first_seq)
)
_PUT = insert_or_update(chain_range, (chain_range.c.epoch_key, chain_range.c.first_seq), _COLUMNS[1:]).values(
    {name: bindparam(name) for name in ("epoch_key", *_COLUMNS)}
)
_DELETE = delete(chain_range).where(_OF_EPOCH, chain_range.c.first_seq == bindparam("first"))
_NOTE_BEFORE = insert_new(epoch_before).values(
    {name: bindparam(name) for name in ("epoch_key", "before_epoch", "before_seq", "before_sha256")}
)
_NEWEST = (
    select(
        *(verdict.c.position, verdict.c.epoch_key, verdict.c.seq, verdict.c.sha256),
        verdict_message.c.payload,
    )
    .join(verdict_message, verdict_message.c.position == verdict.c.position)
    .where(verdict.c.position < bindparam("below"))
    .order_by(verdict.c.position.desc())
    .limit(LIMIT)
)
_MANY = (
    select(chain_range.c.epoch_key)
    .group_by(chain_range.c.epoch_key)
    .having(func.count() > bindparam("ranges"))
)
_HIGHEST = (1 << 63) - 1


class StoredVerdict(NamedTuple):
    """A verdict that was stored, its payload as it came, and the hash of that."""

    verdict: Verdict
    payload: bytes
    sha256: bytes


class _Link(msgspec.Struct):
    previous_sha256: str | None = None
    previous_epoch: EpochEnd | None = None


def note_verdicts(database: Database, arrivals: Iterable[StoredVerdict]) -> None:
    """Check verdicts that were just stored; in the open transaction."""
    by_epoch: dict[tuple[str, str, str], list[StoredVerdict]] = {}
    for one in arrivals:
        of = one.verdict
        by_epoch.setdefault((of.site, of.robot, of.id.rpartition(":")[0]), []).append(one)
    named = [{"site": site, "robot": name, "epoch": run.partition(":")[2]} for site, name, run in by_epoch]
    keys = [rows[0][0] if rows else None for rows in database.peek_each(_FIND_EPOCH, named)]
    found = [
        (key, sorted(stored, key=_number)) for key, stored in zip(keys, by_epoch.values(), strict=True) if key
    ]
    new = [list(join_verdicts(map(_link_of, stored))) for _, stored in found]
    around = [
        {"epoch_key": key, "low": ranges[0].first, "high": ranges[-1].last + 1}
        for (key, _), ranges in zip(found, new, strict=True)
    ]
    changes = _Changes([], [])
    touched = database.peek_each(_AROUND, around)
    for (key, stored), ranges, near in zip(found, new, touched, strict=True):
        known = list(map(_range_of_row, near))
        joined = ChainRanges(known)
        for new_range in ranges:
            joined.add(new_range)
        changes.add(key, known, joined)
        for one in stored:
            if one.verdict.previous_epoch is not None:
                _note_before(database, key, one.verdict.previous_epoch)
    changes.write(database)


def load_ranges(
    database: Database, epoch_key: int, *, low: int = 0, high: int = _HIGHEST
) -> list[ChainRange]:
    """Return an epoch's ranges, those that touch the numbers from ``low`` to ``high`` at least."""
    rows = database.rows(_AROUND, {"epoch_key": epoch_key, "low": low, "high": high})
    return list(map(_range_of_row, rows))


def catch_up(database: Database) -> int:
    """Check the verdicts that a version without this stored, and return how many those were.

    They are the newest ones: whoever runs this version has checked all before.
    """
    ranges: dict[int, tuple[list[ChainRange], ChainRanges]] = {}
    firsts: dict[int, bytes] = {}
    befores: list[tuple[int, EpochEnd]] = []
    below, count, is_done = _HIGHEST, 0, False
    while not is_done and (page := database.rows(_NEWEST, {"below": below, "limit": _PAGE})):
        is_done = True
        for _, epoch_key, seq, sha256, payload in page:
            if epoch_key not in ranges:
                known = load_ranges(database, epoch_key)
                ranges[epoch_key] = known, ChainRanges(known)
            link = _read_link(payload) if sha256 is not None else _Link()
            if seq == 1 and sha256 is not None and link.previous_sha256 is None:
                firsts[epoch_key] = sha256
                is_new = ranges[epoch_key][1].find(1) is None
            else:
                is_new = ranges[epoch_key][1].add(_stored_range(seq, sha256, link))
                count += is_new
            is_done &= not is_new
            if is_new and link.previous_epoch is not None:
                befores.append((epoch_key, link.previous_epoch))
        below = page[-1][0]
    for epoch_key, sha256 in firsts.items():
        # Stored messages were encoded anew: whether the first one had the field, the second one tells.
        second = ranges[epoch_key][1].find(2)
        is_chained = second is None or second.kind is not RangeKind.UNCHAINED
        count += ranges[epoch_key][1].add(range_of(1, sha256, None, is_chained=is_chained))
    with database.transaction():
        for epoch_key, (known, found) in ranges.items():
            _write(database, epoch_key, known, found)
        for epoch_key, end in befores:
            _note_before(database, epoch_key, end)
    return count


def tangle_fragmented(database: Database) -> None:
    """Keep the lowest ranges of an epoch no longer apart where it has very many."""
    for (epoch_key,) in database.rows(_MANY, {"ranges": MAX_RANGES}):
        known = load_ranges(database, epoch_key)
        found = ChainRanges(known)
        found.tangle(len(known) - MAX_RANGES // 2)
        with database.transaction():
            _write(database, epoch_key, known, found)


def _number(one: StoredVerdict) -> int:
    return one.verdict.seq


def _link_of(one: StoredVerdict) -> tuple[int, bytes | None, bytes | None, bool]:
    """Return what the chain knows of a verdict."""
    named = one.verdict.previous_sha256
    if named is not None:
        return one.verdict.seq, one.sha256, bytes.fromhex(named), True
    return one.verdict.seq, one.sha256, None, one.verdict.seq == 1 and _FIELD in one.payload


def _stored_range(seq: int, sha256: bytes | None, link: _Link) -> ChainRange:
    previous = bytes.fromhex(link.previous_sha256) if link.previous_sha256 else None
    return range_of(seq, sha256, previous, is_chained=previous is not None)


def _read_link(payload: bytes) -> _Link:
    try:
        return msgspec.json.decode(payload, type=_Link)
    except (msgspec.MsgspecError, ValueError):
        return _Link()


def _note_before(database: Database, epoch_key: int, end: EpochEnd) -> None:
    values = {
        "epoch_key": epoch_key,
        "before_epoch": end.epoch,
        "before_seq": end.seq,
        "before_sha256": bytes.fromhex(end.sha256) if end.sha256 else None,
    }
    database.write(_NOTE_BEFORE, values)


def _range_of_row(row: tuple[Any, ...]) -> ChainRange:
    return ChainRange(row[0], row[1], RangeKind(row[2]), row[3], row[4])


def _write(database: Database, epoch_key: int, known: list[ChainRange], found: ChainRanges) -> None:
    """Write the ranges of an epoch that changed."""
    changes = _Changes([], [])
    changes.add(epoch_key, known, found)
    changes.write(database)


class _Changes(NamedTuple):
    """Rows that are to be deleted, and to be put."""

    gone: list[dict[str, Any]]
    put: list[dict[str, Any]]

    def add(self, epoch_key: int, known: list[ChainRange], found: ChainRanges) -> None:
        """Note the ranges of an epoch that changed."""
        before, after = {one.first: one for one in known}, {one.first: one for one in found}
        self.gone.extend({"epoch_key": epoch_key, "first": first} for first in before.keys() - after.keys())
        self.put.extend(
            {
                "epoch_key": epoch_key,
                "first_seq": first,
                "last_seq": one.last,
                "kind": one.kind.value,
                "first_previous": one.first_previous,
                "last_sha256": one.last_sha256,
            }
            for first, one in after.items()
            if before.get(first) != one
        )

    def write(self, database: Database) -> None:
        """Write them, in the open transaction."""
        if self.gone:
            database.write_all(_DELETE, self.gone)
        if self.put:
            database.write_all(_PUT, self.put)
