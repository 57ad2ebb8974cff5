"""Read from the history what tells a robot's missions: its epochs in their order, and places of verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import bindparam, func, select

from edge_node.control_room.history.database import from_us
from edge_node.control_room.history.finding_span import VERDICT_COLUMNS
from edge_node.control_room.history.missions.mission import PAUSE_S, Point
from edge_node.control_room.history.records import VerdictRecord
from edge_node.control_room.history.sql_filters import LIMIT
from edge_node.control_room.history.storage.tables import (
    arrived,
    epoch,
    epoch_state,
    robot,
    verdict,
    verdict_message,
)
from edge_node.control_room.history.strip_cells import MAX_DISTANCE_M
from edge_node.messages.verdict import BundleReference, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.missions.mission import AssetMission, NumberSpan

_ROBOTS = select(robot.c.robot_key, robot.c.site, robot.c.robot).order_by(robot.c.site, robot.c.robot)
_lowest = select(func.min(verdict.c.seq)).where(verdict.c.epoch_key == epoch.c.epoch_key).scalar_subquery()
_EPOCHS = (
    select(epoch.c.epoch_key, epoch.c.epoch, epoch_state.c.previous_key, _lowest)
    .join_from(epoch, epoch_state, epoch_state.c.epoch_key == epoch.c.epoch_key, isouter=True)
    .where(epoch.c.robot_key == bindparam("robot_key"))
)
_FIRST_US = select(verdict.c.observed_us).where(
    verdict.c.epoch_key == bindparam("epoch_key"), verdict.c.seq == bindparam("seq")
)
_RANGES = (
    select(arrived.c.first_seq, arrived.c.last_seq)
    .where(arrived.c.epoch_key == bindparam("epoch_key"))
    .order_by(arrived.c.first_seq)
)
_POINTS = (
    select(
        *(verdict.c.seq, verdict.c.observed_us, verdict.c.asset, verdict.c.distance_m, verdict.c.outcome),
        verdict.c.severity,
    )
    .where(
        verdict.c.epoch_key == bindparam("epoch_key"),
        verdict.c.seq.between(bindparam("first"), bindparam("last")),
    )
    .order_by(verdict.c.seq)
    .limit(LIMIT)
)
_PAYLOAD = (
    select(verdict_message.c.payload)
    .join_from(verdict, verdict_message, verdict_message.c.position == verdict.c.position)
    .where(verdict.c.epoch_key == bindparam("epoch_key"), verdict.c.seq == bindparam("seq"))
)
_RECORDS = (
    select(*VERDICT_COLUMNS, verdict.c.seq)
    .join_from(verdict, verdict_message, verdict_message.c.position == verdict.c.position)
    .where(
        verdict.c.epoch_key == bindparam("epoch_key"),
        verdict.c.seq.between(bindparam("first"), bindparam("last")),
    )
    .order_by(verdict.c.seq)
    .limit(LIMIT)
)
_FIND_EPOCH = (
    select(epoch.c.epoch_key)
    .join_from(epoch, robot, robot.c.robot_key == epoch.c.robot_key)
    .where(
        robot.c.site == bindparam("site"),
        robot.c.robot == bindparam("robot"),
        epoch.c.epoch == bindparam("epoch"),
    )
)
_JUDGED = frozenset((Outcome.CORRODED.value, Outcome.UNCORRODED.value))
_MAX_SEQ = (1 << 63) - 1
_PAGE_ROWS, _PART_ROWS = 2000, 50_000
_VERDICT_DECODER = msgspec.json.Decoder(Verdict)


class StoredEpoch(NamedTuple):
    """An epoch of which verdicts are stored.

    Attributes:
        first_seq: the lowest stored number.
        ranges: the received numbers.
    """

    key: int
    name: str
    first_seq: int
    ranges: tuple[tuple[int, int], ...]


class _Beat(msgspec.Struct, frozen=True):
    """What of a verdict's message tells how much time passed, and what judged it."""

    boot_id: str
    monotonic_ns: int
    bundle: BundleReference


_BEAT_DECODER = msgspec.json.Decoder(_Beat)


def list_robots(database: Database) -> list[tuple[int, str, str]]:
    """Return key, site and name of every robot."""
    return [(row[0], row[1], row[2]) for row in database.rows(_ROBOTS)]


def list_epochs(database: Database, robot_key: int) -> list[StoredEpoch]:
    """Return a robot's epochs in the order in which they followed each other, as far as it is known.

    Each names the one before it. Those that name none come by the time of their first verdict.
    """
    found = database.rows(_EPOCHS, {"robot_key": robot_key})
    rows = {row[0]: row for row in found if row[3] is not None}
    following: dict[int, list[int]] = {}
    heads = []
    for key, (_, _, previous, _) in sorted(rows.items()):
        if previous in rows and previous != key:
            following.setdefault(previous, []).append(key)
        else:
            heads.append((_first_us(database, key, rows[key][3]), key))
    order: list[int] = []
    waiting = [key for _, key in sorted(heads, reverse=True)]
    while waiting:
        key = waiting.pop()
        order.append(key)
        waiting += reversed(following.get(key, []))
    order += sorted(rows.keys() - set(order))  # epochs that name each other: a forged record
    return [
        StoredEpoch(
            key, rows[key][1], rows[key][3], tuple(map(tuple, database.rows(_RANGES, {"epoch_key": key})))
        )
        for key in order
    ]


def iter_points(
    database: Database, one: StoredEpoch, first: int = 0, last: int = _MAX_SEQ
) -> Iterator[list[Point]]:
    """Yield the verdicts of an epoch from one number to another, part by part."""
    while points := _read_part(database, one, first, last):
        yield points
        first = points[-1].seq + 1


def read_points(database: Database, one: StoredEpoch, first: int = 0, last: int = _MAX_SEQ) -> list[Point]:
    """Return the verdicts of an epoch from one number to another."""
    return [point for part in iter_points(database, one, first, last) for point in part]


def _read_part(database: Database, one: StoredEpoch, first: int, last: int) -> list[Point]:
    place = {"epoch_key": one.key, "first": first, "last": last, "limit": _PART_ROWS}
    rows = database.rows(_POINTS, place)
    return [
        Point(
            one.name,
            seq,
            observed_us,
            asset,
            distance_m if distance_m is not None and abs(distance_m) <= MAX_DISTANCE_M else None,
            outcome in _JUDGED,
            outcome == Outcome.CORRODED.value,
            severity,
        )
        for seq, observed_us, asset, distance_m, outcome, severity in rows
    ]


def read_spans(database: Database, site: str, robot_name: str, spans: Sequence[NumberSpan]) -> list[Point]:
    """Return the verdicts of a mission."""
    points = []
    for span in spans:
        named = {"site": site, "robot": robot_name, "epoch": span.epoch}
        for (key,) in database.rows(_FIND_EPOCH, named):
            one = StoredEpoch(key, span.epoch, span.first_seq, ())
            points += read_points(database, one, span.first_seq, span.last_seq)
    return points


def read_records(
    database: Database, mission: AssetMission, on_progress: Callable[[int, int], None]
) -> Iterator[VerdictRecord]:
    """Yield the verdicts of a mission in the order of their numbers."""
    done = 0
    for span in mission.spans:
        named = {"site": mission.site, "robot": mission.robot, "epoch": span.epoch}
        for (key,) in database.rows(_FIND_EPOCH, named):
            first = span.first_seq
            while rows := database.rows(
                _RECORDS, {"epoch_key": key, "first": first, "last": span.last_seq, "limit": _PAGE_ROWS}
            ):
                for position, received_us, replayed, payload, _ in rows:
                    verdict_of = _VERDICT_DECODER.decode(payload)
                    yield VerdictRecord(position, from_us(received_us), bool(replayed), verdict_of)
                first, done = rows[-1][4] + 1, done + len(rows)
                on_progress(done, max(mission.verdicts, done))


class PauseTeller:
    """Tells whether a robot paused between two verdicts: by monotonic time, where the clock was set."""

    def __init__(self, database: Database, epochs: Sequence[StoredEpoch]) -> None:
        self._database = database
        self._keys = {one.name: one.key for one in epochs}

    def __call__(self, before: Point, after: Point) -> bool:
        """Tell it; between two boots the clock alone knows, and one that went back says nothing."""
        passed_s = (after.observed_us - before.observed_us) / 1e6
        if 0 <= passed_s <= PAUSE_S:
            return False
        beats = [self.beat(point) for point in (before, after)]
        if all(beats) and beats[0].boot_id == beats[1].boot_id:  # type: ignore[union-attr]
            passed_s = (beats[1].monotonic_ns - beats[0].monotonic_ns) / 1e9  # type: ignore[union-attr]
        return not -1 <= passed_s <= PAUSE_S

    def beat(self, point: Point) -> _Beat | None:
        """Return boot, monotonic time and bundle of a verdict; None if its message is deleted."""
        rows = self._database.rows(_PAYLOAD, {"epoch_key": self._keys[point.epoch], "seq": point.seq})
        return _BEAT_DECODER.decode(rows[0][0]) if rows else None


def _first_us(database: Database, epoch_key: int, seq: int) -> int:
    rows = database.rows(_FIRST_US, {"epoch_key": epoch_key, "seq": seq})
    return int(rows[0][0]) if rows else 0
