"""Delete what is beyond the bounds of the history, of the robots that use most, the oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.shares import ledger
from edge_node.control_room.history.shares.allotment import allot
from edge_node.control_room.history.shares.kinds import (
    CHECKPOINT,
    CONFLICT,
    MESSAGES,
    PICTURE,
    VERDICT,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_node.control_room.history.shares.kinds import Kind
    from edge_node.control_room.history.shares.store import Store

# Whoever sends other verdicts under known ids, or signs at every frame, must not push the verdicts out.
_PARTS = ((CONFLICT, 20), (CHECKPOINT, 20))
_COMPACT_PART = 20  # of the bound: less is not worth writing the file anew
_MAX_TURNS = 200


def hold_pictures(store: Store, bound: int) -> int:
    """Delete pictures beyond ``bound`` bytes; return their count."""
    return _hold_kind(store, PICTURE, bound)


def hold_messages(store: Store, bound: int, room_bytes: int) -> int:
    """Delete messages while the file is larger than ``bound`` and what is not messages; return their count.

    Deleted rows leave room in pages that only writing the file anew gives back. So robots give until what is
    charged fits; then the file is written anew; only if it is still too large do they give more.

    Args:
        store: of the history.
        bound: of messages, in bytes.
        room_bytes: what the room keeps of itself in the file: the audit, robots that wait.
    """
    gone = sum(_hold_kind(store, kind, bound // part) for kind, part in _PARTS)
    is_compact = False
    for _ in range(_MAX_TURNS):
        usage: ledger.Usage = {}
        if store.is_shared:  # what its files take says nothing of how many rows are in them
            usage = ledger.measure(store)
            apart, over = 0, sum(sum(used.values()) for used in usage.values()) - bound
            is_compact = True
        else:
            apart = room_bytes + sum(ledger.measure_kind(store, PICTURE).values())
            over = store.used_bytes() - apart - bound
        if over <= 0:
            break
        usage = usage or ledger.measure(store)
        charged = sum(sum(used.values()) for used in usage.values())
        wanted = max(charged - over, 0 if is_compact else bound)
        dropped = _give(store, usage, wanted, exceeds=is_compact)
        gone += dropped
        if dropped:
            continue
        if is_compact:
            break
        is_compact = True
        _compact(store, over + bound - charged, bound, apart + charged)
    return gone


def _compact(store: Store, residue: int, bound: int, expected: int) -> None:
    """Write the file anew if that gives back a part of the bound; note what it gives not."""
    if residue - ledger.read_residue(store) < bound // _COMPACT_PART or not store.compact():
        return
    ledger.write_residue(store, max(store.used_bytes() - expected, 0))


def _hold_kind(store: Store, kind: Kind, bound: int) -> int:
    used = ledger.measure_kind(store, kind)
    kept = allot(used, bound)
    return sum(
        _give_rows(store, kind, key, used[key] - kept[key], exceeds=True)
        for key in used
        if used[key] > kept[key]
    )


def _give(store: Store, usage: Mapping[int, Mapping[str, int]], wanted: int, *, exceeds: bool) -> int:
    """Delete rows of the robots that use most, so that all together keep ``wanted`` bytes."""
    used = {key: sum(of.values()) for key, of in usage.items()}
    kept = allot(used, wanted)
    gone = 0
    for robot_key, bytes_used in used.items():
        if bytes_used <= kept[robot_key]:
            continue
        of = {kind: usage[robot_key].get(kind.name, 0) for kind in MESSAGES}
        within = allot(of, kept[robot_key] - usage[robot_key].get(ledger.STATE, 0))
        gone += sum(
            _give_rows(store, kind, robot_key, of[kind] - within[kind], exceeds=exceeds)
            for kind in of
            if of[kind] > within[kind]
        )
    return gone


def _give_rows(store: Store, kind: Kind, robot_key: int, need: int, *, exceeds: bool) -> int:
    """Delete a robot's oldest rows of a kind until ``need`` bytes are free; return their count.

    The last one goes too if ``exceeds``; else it stays, and a little less than ``need`` is freed.
    """
    gone = 0
    begin = ledger.find_first(store, robot_key) if kind is VERDICT else 0
    while need > 0:
        values = {"robot_key": robot_key, "limit": kind.step, "begin": begin}
        rows = [(key, int(charged)) for key, charged in store.rows(kind.oldest, values)]
        taken = _take(rows, need, exceeds=exceeds)
        if not taken:
            break
        with store.transaction():
            for statement in kind.deletes:
                store.write_all(statement, [{"key": key} for key, _ in taken])
            if kind is VERDICT:
                ledger.take_verdicts(store, robot_key, taken)
                begin = taken[-1][0] + 1
        gone += len(taken)
        need -= sum(charged for _, charged in taken)
        if len(taken) < len(rows):
            break
    return gone


def _take(rows: list[tuple[int, int]], need: int, *, exceeds: bool) -> list[tuple[int, int]]:
    """Return the first rows that free ``need`` bytes together."""
    taken, left = [], need
    for row in rows:
        if left <= 0 or (row[1] > left and not exceeds):
            break
        taken.append(row)
        left -= row[1]
    return taken
