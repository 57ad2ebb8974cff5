"""Hold the history within its bounds, by a time that no wrong clock can advance: what is deleted is gone."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, get_args

from edge_node.clock import TimeQuality
from edge_node.clock_floor import ClockFloor, from_unix

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge_node.control_room.history.history import History
    from edge_node.control_room.settings import RoomConfig

HOLD_S = 12 * 3600.0  # a clock that leapt must run on so long before anything is deleted by it
_TRIM_S = 60.0
_MEGABYTE = 1_000_000

_log = logging.getLogger(__name__)


def open_room_floor(folder: Path) -> ClockFloor:
    """Open the floor of time by which a room's rows age and its logins end.

    Rooms run on machines whose clock people or a hypervisor set, which the kernel calls not synchronized: any
    clock counts, but one that leapt must run on evenly for half a day first.
    """
    return ClockFloor(folder, hold_s=HOLD_S, trusted=frozenset(get_args(TimeQuality)))


class HistoryTrimmer:
    """Delete the oldest rows beyond the room's bounds, once a minute; used by one thread."""

    def __init__(
        self, room: RoomConfig, history: History, floor: ClockFloor, on_notice: Callable[[str], None]
    ) -> None:
        """Trim ``history`` by the time of ``floor``; ``on_notice`` takes what a person should know."""
        self._room = room
        self._history = history
        self._floor = floor
        self._on_notice = on_notice
        self._trimmed_s = time.monotonic()

    def look(self, now_s: float) -> None:
        """Trim if a minute has passed; ``now_s`` is monotonic.

        Raises:
            HistoryError: the history cannot be written.
        """
        if now_s - self._trimmed_s >= _TRIM_S:
            self._trimmed_s = now_s
            self.trim()

    def trim(self) -> None:
        """Delete what is beyond the bounds, and what is too old by the clock and by the floor of time.

        Raises:
            HistoryError: the history cannot be written.
        """
        self._floor.look()
        clock = self._floor.read()
        if self._room.days is not None and (clock.leap_s or clock.below_s):
            self._on_notice(
                f"this machine's clock and its floor of time disagree ({clock.text}): what is deleted by age"
                " goes by the earlier of both until the clock is set right, or has run on for"
                f" {HOLD_S / 3600:.0f} hours, or until edge-node clock --state-dir {self._room.state_dir}"
                " --set-floor now"
            )
        gone = self._history.trim(
            max_bytes=self._room.max_mb * _MEGABYTE,
            max_picture_bytes=self._room.pictures_mb * _MEGABYTE,
            days=self._room.days,
            now=from_unix(min(clock.floor_s, clock.wall_s)),
        )
        if gone:
            _log.info("gave up %d verdicts and pictures beyond the bounds", gone)
