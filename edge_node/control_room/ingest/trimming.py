"""Hold the history within its bounds, by a time that no wrong clock can advance: what is deleted is gone."""

from __future__ import annotations

import logging
import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING, get_args

from edge_node.clock import TimeQuality
from edge_node.clock_floor import ClockFloor, FloorSource, format_span, from_unix
from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.history.missions.mission_keeper import MissionKeeper
from edge_node.control_room.history.record_proof.chain_book import tangle_fragmented

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from edge_node.clock_floor import ClockReading
    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import VerdictRecord
    from edge_node.control_room.sections import RoomConfig

HOLD_S = 12 * 3600.0  # a clock that leapt must run on so long before anything is deleted by it
SILENCE_S = 14 * 86_400.0  # without a verdict nothing confirms the clock, and nothing needs the room
DISAGREEMENT_S = 86_400.0  # between this machine's clock and those of the robots
_NEWEST = 100  # verdicts whose robots are asked for the time
_DOUBTS = 3  # in succession are told: what waited at the broker for this room seems old at first
_TRIM_S = 60.0
_LOOK_S = 2.0  # at most so often, while much comes
_KEEP_FROM = 0.8  # of the bound: from where on missions are kept apart from their verdicts
_GROWTH_PART = 20  # of the bound may come between two looks
_MEGABYTE = 1_000_000

_log = logging.getLogger(__name__)


def open_room_floor(folder: Path) -> ClockFloor:
    """Open the floor of time by which a room's rows age and its logins end.

    Rooms run on machines whose clock people or a hypervisor set, which the kernel calls not synchronized: any
    clock counts, but one that leapt must run on evenly for half a day first.
    """
    return ClockFloor(folder, hold_s=HOLD_S, trusted=frozenset(get_args(TimeQuality)))


class HistoryTrimmer:
    """Delete rows beyond the room's bounds, once a minute or when much came; used by one thread."""

    def __init__(
        self, room: RoomConfig, history: History, floor: ClockFloor, on_notice: Callable[[str], None]
    ) -> None:
        """Trim ``history`` by the time of ``floor``; ``on_notice`` takes what a person should know."""
        self._room = room
        self._history = history
        self._floor = floor
        self._on_notice = on_notice
        self._missions = MissionKeeper(history.database, MissionBook(history.database))
        self._trimmed_s = time.monotonic()
        history.count_shares()
        self._trimmed_bytes = history.file_bytes()
        self._doubts = 0

    def look(self, now_s: float) -> None:
        """Trim if a minute has passed, or a part of the bound has come; ``now_s`` is monotonic.

        Raises:
            HistoryError: the history cannot be written.
        """
        since_s = now_s - self._trimmed_s
        if since_s >= _TRIM_S or (since_s >= _LOOK_S and self._has_grown()):
            self._trimmed_s = now_s
            self.trim()

    def trim(self) -> None:
        """Delete what is beyond the bounds, and what is too old by all that tells the time.

        Raises:
            HistoryError: the history cannot be written.
        """
        self._floor.look()
        clock = self._floor.read()
        now = from_unix(min(clock.floor_s, clock.wall_s))
        days = self._room.days
        if days is not None:
            if clock.leap_s or clock.below_s:
                self._on_notice(
                    f"this machine's clock and its floor of time disagree ({clock.text}): what is deleted by"
                    " age goes by the earlier of both until the clock is set right, or has run on for"
                    f" {HOLD_S / 3600:.0f} hours, or {self._advice}"
                )
            elif doubt := self._find_doubt(clock, now):
                days = None
                self._doubts += 1
                if self._doubts >= _DOUBTS:
                    self._on_notice(
                        f"{doubt}: nothing is deleted by age until this machine's clock is set right, or"
                        f" {self._advice}"
                    )
            else:
                self._doubts = 0
        if days is not None:
            days = self._round(days, now)
        if days is not None or self._has_little_room():
            self._missions.keep()
        gone = self._history.trim(
            max_bytes=self._room.max_mb * _MEGABYTE,
            max_picture_bytes=self._room.pictures_mb * _MEGABYTE,
            days=days,
            now=now,
        )
        tangle_fragmented(self._history.database)
        self._trimmed_bytes = self._history.file_bytes()
        if gone:
            _log.info("deleted %d rows beyond the bounds", gone)

    def _round(self, days: float, now: datetime) -> float:
        """Return the age of the next older edge of a partition, which is dropped whole; or the age itself."""
        before = from_us(self._history.database.find_edge(to_us(now - timedelta(days=days))))
        return (now - before).total_seconds() / 86_400

    def _has_little_room(self) -> bool:
        """Tell whether verdicts may be deleted for others."""
        return self._history.file_bytes() > self._room.max_mb * _MEGABYTE * _KEEP_FROM

    def _has_grown(self) -> bool:
        grown = self._history.file_bytes() - self._trimmed_bytes
        return grown > self._room.max_mb * _MEGABYTE // _GROWTH_PART

    @property
    def _advice(self) -> str:
        return f"until edge-node clock --state-dir {self._room.state_dir} --set-floor now"

    def _find_doubt(self, clock: ClockReading, now: datetime) -> str:
        """Tell what speaks against the time, though the clock ran evenly; "" if nothing does.

        A clock that stays wrong for days is believed by the floor in the end. What arrives tells it: robots
        with a synchronized clock disagree, or nothing has come for longer than a room is left alone.
        """
        if clock.source is FloorSource.OPERATOR:
            return ""
        newest = self._history.newest(_NEWEST)
        ahead_s = _ask_robots(newest)
        if abs(ahead_s) > DISAGREEMENT_S:
            side = "ahead of" if ahead_s > 0 else "behind"
            return f"this machine's clock is {format_span(abs(ahead_s))} {side} the robots'"
        silent_s = (now - newest[0].received_at).total_seconds() if newest else 0.0
        if silent_s > SILENCE_S:
            return f"by this machine's clock no verdict came for {format_span(silent_s)}"
        return ""


def _ask_robots(newest: Sequence[VerdictRecord]) -> float:
    """Return how far this machine's clock was ahead of the robots' when their newest verdicts came.

    In seconds; of robots whose clock is synchronized, and of verdicts that did not wait at the robot. The
    median, so that one robot that lies does not count; 0 if no robot tells.
    """
    by_robot = {
        (record.verdict.site, record.verdict.robot): record.received_at - record.verdict.observed_at
        for record in reversed(newest)
        if not record.replayed and record.verdict.time_quality == "synchronized"
    }
    return statistics.median(span.total_seconds() for span in by_robot.values()) if by_robot else 0.0
