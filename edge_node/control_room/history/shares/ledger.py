"""Measure what each robot uses of the history's bound.

Verdicts are many, so what was counted of them stays in a table of its own: only those that arrived since, and
those that are deleted, are read. It is counted anew where it does not match the verdicts, as after another
version has deleted some.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from edge_node.control_room.history.shares.kinds import FIXED, MESSAGES, VERDICT
from edge_node.control_room.history.storage.dialect import insert_or_update
from edge_node.control_room.history.storage.tables import robot, verdict, verdict_share

if TYPE_CHECKING:
    from edge_node.control_room.history.shares.kinds import Kind
    from edge_node.control_room.history.shares.store import Store

STATE = "state"  # what a robot uses that cannot be given: its row, its epochs
_TOTAL = 0  # key of the row that holds up to which position all robots' verdicts are counted
_END = (1 << 63) - 1
_COLUMNS = ("robot_key", "rows", "bytes", "first_key", "last_key")
_COUNTED = select(*(verdict_share.c[name] for name in _COLUMNS))
_PUT = insert_or_update(verdict_share, (verdict_share.c.robot_key,), _COLUMNS[1:]).values(
    {name: bindparam(name) for name in _COLUMNS}
)
_VERDICTS = select(func.count()).select_from(verdict)
_TAKE = (
    update(verdict_share)
    .where(verdict_share.c.robot_key == bindparam("key"))
    .values(
        rows=verdict_share.c.rows - bindparam("fewer"),
        bytes=verdict_share.c.bytes - bindparam("less"),
        first_key=bindparam("first"),
    )
)
_NAMES = select(robot.c.robot_key, robot.c.site, robot.c.robot).order_by(robot.c.site, robot.c.robot)
Usage = dict[int, dict[str, int]]


def measure(store: Store) -> Usage:
    """Return the charged bytes of each robot's messages by kind, by the robot's key."""
    usage: Usage = defaultdict(lambda: defaultdict(int))
    for key, row in _read_verdicts(store).items():
        if row[2] and key != _TOTAL:
            usage[key][VERDICT.name] = row[2]
    for kind in MESSAGES[1:]:
        for key, used in measure_kind(store, kind).items():
            usage[key][kind.name] = used
    for query in FIXED:
        for key, _, used in store.rows(query):
            usage[key][STATE] += int(used)
    return usage


def measure_kind(store: Store, kind: Kind) -> dict[int, int]:
    """Return the charged bytes of each robot's rows of one kind other than verdicts."""
    return {int(key): int(used) for key, _, used in store.rows(kind.count)}


def sum_by_name(store: Store) -> list[tuple[str, str, int]]:
    """Return site, robot and charged bytes of each robot, by site and name."""
    usage = measure(store)
    return [
        (site, name, sum(usage[key].values()) if key in usage else 0)
        for key, site, name in store.rows(_NAMES)
    ]


def catch_up(store: Store, *, is_first: bool = False) -> None:
    """Write down what was counted of verdicts; the first time a server's rows are counted too."""
    if not store.is_shared:
        _put(store, _read_verdicts(store))
        return
    with store.transaction():  # others' verdicts have their positions before they are committed
        _put(store, _read_verdicts(store, is_first=is_first))


def _put(store: Store, counted: dict[int, list[Any]]) -> None:
    store.write_all(_PUT, [dict(zip(_COLUMNS, (key, *row[1:]), strict=True)) for key, row in counted.items()])


def find_first(store: Store, robot_key: int) -> int:
    """Return a position before which the robot has no verdict."""
    return next((row[3] for row in store.rows(_COUNTED) if row[0] == robot_key), 0)


def take_verdicts(store: Store, robot_key: int, rows: list[tuple[int, int]]) -> None:
    """Subtract rows, position and charge of each, that are deleted in the same transaction."""
    store.write(
        _TAKE,
        {
            "key": robot_key,
            "fewer": len(rows),
            "less": sum(charged for _, charged in rows),
            "first": rows[-1][0] + 1,
        },
    )


def take_up_to(store: Store, last: int) -> int:
    """Subtract all robots' verdicts up to a position, which are deleted in this transaction; return them."""
    gone = 0
    for key, rows, charged, _, _ in store.rows(VERDICT.count, {"after": 0, "last": last}):
        store.write(_TAKE, {"key": key, "fewer": rows, "less": int(charged), "first": last + 1})
        gone += rows
    return gone


def read_residue(store: Store) -> int:
    """Return by how much the file was larger than what is charged when it was written anew last."""
    return next((row[2] for row in store.rows(_COUNTED) if row[0] == _TOTAL), 0)


def write_residue(store: Store, residue: int) -> None:
    """Write down by how much a file that was just written anew is larger than what is charged."""
    store.write(_SET_RESIDUE, {"key": _TOTAL, "residue": residue})


_SET_RESIDUE = (
    update(verdict_share)
    .where(verdict_share.c.robot_key == bindparam("key"))
    .values(bytes=bindparam("residue"))
)


def _read_verdicts(store: Store, *, is_first: bool = False) -> dict[int, list[Any]]:
    """Return robot_key, rows, bytes, first and last position of each robot, with those that came since."""
    known = {row[0]: list(row) for row in store.rows(_COUNTED)}
    total = known.setdefault(_TOTAL, [_TOTAL, 0, 0, 0, 0])
    _add_since(store, known, total)
    if store.is_shared and not is_first:  # it would read each row, and nobody else deletes any
        return known
    rows = sum(row[1] for row in known.values())
    if rows != store.rows(_VERDICTS)[0][0]:
        known = {key: [key, 0, 0, 0, row[4]] for key, row in known.items()}
        total = known[_TOTAL] = [_TOTAL, 0, total[2], 0, 0]
        _add_since(store, known, total)
    return known


def _add_since(store: Store, known: dict[int, list[Any]], total: list[Any]) -> None:
    for key, rows, charged, first, last in store.rows(VERDICT.count, {"after": total[4], "last": _END}):
        row = known.setdefault(key, [key, 0, 0, first, last])
        if not row[1]:
            row[3] = first
        row[1:3] = [row[1] + rows, row[2] + int(charged)]
        row[4] = last
        total[4] = max(total[4], last)
