"""Insert verdicts of many robots with one statement for each table, for a database behind a socket.

What ``inserts.insert_verdict`` does for one verdict after the other. The rows of their robots are locked, so
that of two processes which store one number, the second finds it among those that arrived.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Text, bindparam, case, func, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql

from edge_node.control_room.history import conflicts, epochs, review_queue
from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.sql_filters import ZERO
from edge_node.control_room.history.storage.bulk_insert import listed
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.epoch_counts import COUNT_MISSING, MISSING
from edge_node.control_room.history.storage.postgres_tables import arrived_numbers, verdict_with_payload
from edge_node.control_room.history.storage.tables import (
    NO_REASON,
    NUMBER,
    disagreement,
    epoch,
    epoch_state,
    robot,
)
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.verdict import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.messages.verdict import Verdict

MAX_COLUMN = 200  # characters of a text that is searched by; the message itself is stored whole
_NO_TEACHING = review_queue.Teaching("", NO_REASON, 0.0)
FIND_ROBOT = select(robot.c.robot_key).where(
    robot.c.site == bindparam("site"), robot.c.robot == bindparam("robot")
)
# Another process may have heard of it first, since the transaction began: then its row is waited for.
_FIND_LOCKED = FIND_ROBOT.with_for_update(key_share=True)
_INSERT_ROBOT = insert_new(robot).values(
    {name: bindparam(name) for name in ("site", "robot", "first_heard_us", "last_heard_us")}
)
_named = listed("named", site=Text(), robot=Text())
# Locked here too: one that was not there when the transaction began may be there now.
_FIND_ROBOTS = (
    select(robot.c.site, robot.c.robot, robot.c.robot_key)
    .join(_named, (_named.c.site == robot.c.site) & (_named.c.robot == robot.c.robot))
    .order_by(robot.c.robot_key)
    .with_for_update(key_share=True, of=robot)
)
_runs = listed("runs", robot_key=NUMBER, epoch=Text())
_FIND_EPOCHS = select(epoch.c.robot_key, epoch.c.epoch, epoch.c.epoch_key).join(
    _runs, (_runs.c.robot_key == epoch.c.robot_key) & (_runs.c.epoch == epoch.c.epoch)
)
_came = listed("came", epoch_key=NUMBER, seq=NUMBER)
_FIND_KNOWN = (
    select(_came.c.epoch_key, _came.c.seq)
    .join(arrived_numbers, arrived_numbers.c.epoch_key == _came.c.epoch_key)
    .where(arrived_numbers.c.numbers.op("@>", is_comparison=True)(_came.c.seq))
)
_added = postgresql.insert(arrived_numbers).from_select(
    ["epoch_key", "numbers"],
    select(
        _came.c.epoch_key,
        func.range_agg(func.int8range(_came.c.seq, _came.c.seq, literal_column("'[]'"))),
    ).group_by(_came.c.epoch_key),
)
_ADD_NUMBERS = _added.on_conflict_do_update(
    index_elements=[arrived_numbers.c.epoch_key],
    set_={"numbers": arrived_numbers.c.numbers.op("+")(_added.excluded.numbers)},
)
_changed = listed("changed", epoch_key=NUMBER)
_RECOUNT = COUNT_MISSING.where(
    epoch_state.c.epoch_key.in_(select(_changed.c.epoch_key)), epoch_state.c.missing != MISSING
)
_INSERT = insert(verdict_with_payload).values(
    {column.name: bindparam(column.name) for column in verdict_with_payload.c if column.name != "position"}
)
_numbered = listed("numbered", robot_key=NUMBER, epoch=Text(), seq=NUMBER)
_FIND_DISAGREED = select(disagreement.c.robot_key, disagreement.c.epoch, disagreement.c.seq).join(
    _numbered,
    (_numbered.c.robot_key == disagreement.c.robot_key)
    & (_numbered.c.epoch == disagreement.c.epoch)
    & (_numbered.c.seq == disagreement.c.seq),
)
_counts = listed("counts", robot_key=NUMBER, news=NUMBER, again=NUMBER, at=NUMBER, ahead=NUMBER)
_COUNT = (
    update(robot)
    .where(robot.c.robot_key == _counts.c.robot_key)
    .values(
        verdicts=robot.c.verdicts + _counts.c.news,
        duplicates=robot.c.duplicates + _counts.c.again,
        last_heard_us=_counts.c["at"],
        last_verdict_us=case((_counts.c.news > ZERO, _counts.c["at"]), else_=robot.c.last_verdict_us),
        clock_ahead_us=func.coalesce(_counts.c.ahead, robot.c.clock_ahead_us),
    )
)


class NewVerdict(NamedTuple):
    """A verdict as it arrived: its payload as it came, the hash of that, when, and whether it had waited."""

    verdict: Verdict
    payload: bytes
    sha256: bytes
    received_us: int
    replayed: bool


def insert_verdicts(database: Database, arrivals: Sequence[NewVerdict]) -> list[bool]:
    """Store verdicts; return for each False where its number was stored, and is counted or a conflict."""
    robots = sorted({(one.verdict.site, one.verdict.robot) for one in arrivals})
    with database.transaction(robots=robots):
        for received_us in {one.received_us for one in arrivals}:
            database.ensure_partition(received_us)
        robot_keys = _find_robots(database, robots, arrivals[0].received_us)
        places = _find_places(database, arrivals, robot_keys)
        news = _tell_news(database, arrivals, places)
        added = [(one, place) for one, place, is_new in zip(arrivals, places, news, strict=True) if is_new]
        if added:
            _add(database, added)
        again: Counter[int] = Counter()
        for one, (robot_key, epoch_key, _), is_new in zip(arrivals, places, news, strict=True):
            if not is_new:
                again[robot_key] += conflicts.note_repeated(
                    database, epoch_key, one.verdict, one.payload, one.received_us
                )
        _count(database, arrivals, places, news, again)
    return news


def find_robot_key(database: Database, site: str, name: str, heard_us: int) -> int:
    """Return the key of a robot's row; in an open transaction."""
    named = {"site": site, "robot": name}
    row = database.peek(_FIND_LOCKED, named)
    while row is None:
        database.write(_INSERT_ROBOT, {**named, "first_heard_us": heard_us, "last_heard_us": heard_us})
        row = database.peek(_FIND_LOCKED, named)
    return int(row[0])


def make_row(new: NewVerdict, robot_key: int, epoch_key: int) -> dict[str, Any]:
    """Return the columns of a verdict's row, but for its position."""
    verdict = new.verdict
    teaching = review_queue.describe_teaching(verdict) or _NO_TEACHING
    return {
        "robot_key": robot_key,
        "epoch_key": epoch_key,
        "seq": verdict.seq,
        "observed_us": to_us(verdict.observed_at),
        "received_us": new.received_us,
        "replayed": new.replayed,
        "outcome": verdict.outcome.value,
        "material": cut(verdict.material),
        "form": cut(verdict.form),
        "severity": cut(verdict.severity),
        "asset": cut(verdict.asset),
        "distance_m": verdict.pose.distance_m if verdict.pose else None,
        "area_fraction": verdict.area_fraction,
        "evidence": cut(verdict.evidence_sha256),
        "sha256": new.sha256,
        "reasons": teaching.reasons,
        "teaches": teaching.teaches,
        "margin": teaching.margin,
    }


def measure_ahead(new: NewVerdict) -> int | None:
    """Return how far the robot's clock was ahead of the room's; None of one that had waited."""
    return None if new.replayed else to_us(new.verdict.observed_at) - new.received_us


def cut(text: str | None) -> str | None:
    """Return what of a text is searched by."""
    return text if text is None else text[:MAX_COLUMN]


_Place = tuple[int, int, str]  # keys of robot and epoch, name of the epoch


def _find_robots(
    database: Database, robots: Sequence[tuple[str, str]], heard_us: int
) -> dict[tuple[str, str], int]:
    named = {"site": [site for site, _ in robots], "robot": [name for _, name in robots]}
    keys = {(site, name): key for site, name, key in database.peek_all(_FIND_ROBOTS, named)}
    for site, name in robots:
        if (site, name) not in keys:
            keys[site, name] = find_robot_key(database, site, name, heard_us)
    return keys


def _find_places(
    database: Database, arrivals: Sequence[NewVerdict], robot_keys: dict[tuple[str, str], int]
) -> list[_Place]:
    runs = [
        (robot_keys[one.verdict.site, one.verdict.robot], split_verdict_id(one.verdict.id).epoch)
        for one in arrivals
    ]
    wanted = list(dict.fromkeys(runs))
    named = {"robot_key": [key for key, _ in wanted], "epoch": [name for _, name in wanted]}
    keys = {(key, name): epoch_key for key, name, epoch_key in database.peek_all(_FIND_EPOCHS, named)}
    for key, name in wanted:
        if (key, name) not in keys:
            keys[key, name] = epochs.find_epoch(database, key, name)
    return [(key, keys[key, name], name) for key, name in runs]


def _tell_news(database: Database, arrivals: Sequence[NewVerdict], places: Sequence[_Place]) -> list[bool]:
    """Tell which numbers have not arrived before; the first of two in this batch is new."""
    numbers = [(place[1], one.verdict.seq) for one, place in zip(arrivals, places, strict=True)]
    came = {"epoch_key": [key for key, _ in numbers], "seq": [seq for _, seq in numbers]}
    known = set(database.peek_all(_FIND_KNOWN, came))
    news = []
    for number in numbers:
        news.append(number not in known)
        known.add(number)
    return news


def _add(database: Database, added: Sequence[tuple[NewVerdict, _Place]]) -> None:
    seqs = [one.verdict.seq for one, _ in added]
    epoch_keys = [place[1] for _, place in added]
    database.write(_ADD_NUMBERS, {"epoch_key": epoch_keys, "seq": seqs})
    database.write(_RECOUNT, {"epoch_key": sorted(set(epoch_keys))})
    for one, place in added:
        if one.verdict.previous_epoch is not None:
            epochs.follow(database, *place[:2], one.verdict.previous_epoch, one.received_us)
    rows = [{**make_row(one, *place[:2]), "payload": encode(one.verdict)} for one, place in added]
    database.write_all(_INSERT, rows)
    numbered = {
        "robot_key": [place[0] for _, place in added],
        "epoch": [place[2] for _, place in added],
        "seq": seqs,
    }
    for robot_key, name, seq in database.peek_all(_FIND_DISAGREED, numbered):
        review_queue.mark_late(database, robot_key, name, seq)


def _count(
    database: Database,
    arrivals: Sequence[NewVerdict],
    places: Sequence[_Place],
    news: Sequence[bool],
    again: Counter[int],
) -> None:
    counts: dict[int, dict[str, Any]] = {}
    for one, place, is_new in zip(arrivals, places, news, strict=True):
        row = counts.setdefault(
            place[0], {"news": 0, "again": again[place[0]], "at": one.received_us, "ahead": None}
        )
        row["at"] = one.received_us
        if is_new:
            row["news"] += 1
            ahead_us = measure_ahead(one)
            row["ahead"] = row["ahead"] if ahead_us is None else ahead_us
    columns = {name: [row[name] for row in counts.values()] for name in ("news", "again", "at", "ahead")}
    database.write(_COUNT, {"robot_key": list(counts), **columns})
