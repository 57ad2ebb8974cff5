"""Keep a floor of time: the earliest that it can be now, on disk, so that it outlives a clock that went back.

Boards without a battery start in 1970, or at the hour of their last shutdown. The floor rises by the build's
date, by a synchronized clock, by the time in a signed command, and by the monotonic time that passes. A clock
that is not synchronized never raises it: after a minute at a wrong date no command would be accepted.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from edge_node.clock import QUALITY_WORDS, Clocks, TimeQuality
from edge_node.durable_file import replace_file
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from pathlib import Path

FLOOR_NAME = "clock_floor.json"
BUILT = ("0.11.0", datetime(2026, 12, 1, tzinfo=timezone.utc))  # no copy of this version is older
TOLERANCE_S = 30.0  # so much a clock may lag the floor: two machines' clocks never agree exactly
AHEAD_S = 900.0  # a clock further ahead of a floor that rose in this boot was set
LEAP_S = 3600.0  # a trusted clock that is further ahead must hold before it is believed; the machine was off
_SET_S = 60.0  # the same where the floor rose in this boot: then it is known how much time passed
HOLD_S = 300.0  # a wrong NTP server for a minute must not raise the floor
_STEADY_S = 5.0  # a clock that moves more against monotonic time was set
_LOOK_S = 1.0
_CLOSE_S = 2.0  # how long closing waits for a disk
_SAVE_EVERY_S = 600.0  # the disk may be an SD card; a power cut costs the floor so much
_RAISED_S = 60.0  # what raised it by more than this is saved at once
_RETRY_S = 60.0  # after the disk did not take it
LATEST = datetime(2200, 1, 1, tzinfo=timezone.utc)  # no floor is higher
_LATEST_S = LATEST.timestamp()
_MAX_BYTES = 4096

_log = logging.getLogger(__name__)


class FloorSource(str, Enum):
    """What raised the floor last."""

    BUILD = "build"
    SYNCHRONIZED = "synchronized"
    SIGNED_COMMAND = "signed_command"
    OPERATOR = "operator"


_ANCHORS = (FloorSource.SYNCHRONIZED, FloorSource.SIGNED_COMMAND)


class FloorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``clock_floor.json``: the floor, in Unix time, at a monotonic time of a boot."""

    format: Literal[1] = 1
    floor_s: Annotated[float, msgspec.Meta(ge=0, le=_LATEST_S)]
    source: FloorSource
    boot_id: str
    monotonic_ns: int


class ClockReading(PlainStruct, frozen=True):
    """The wall clock and the floor at one moment, in Unix time.

    Attributes:
        leap_s: how far a trusted clock is ahead of the floor that it does not raise yet; else 0.
        is_anchored: something raised the floor in this boot: it is the time, or a little less.
    """

    wall_s: float
    floor_s: float
    quality: TimeQuality
    source: FloorSource
    leap_s: float = 0.0
    is_anchored: bool = False

    @property
    def below_s(self) -> float:
        """How far the wall clock is below the floor; 0 if it is not."""
        late_s = self.floor_s - self.wall_s
        return late_s if late_s > TOLERANCE_S else 0.0

    @property
    def is_ahead(self) -> bool:
        """Whether the wall clock was set forward in this boot, by more than commands take to arrive."""
        return self.is_anchored and self.wall_s - self.floor_s > AHEAD_S

    @property
    def is_trusted(self) -> bool:
        """Whether the wall clock is synchronized, and neither below the floor nor set forward."""
        return self.quality == "synchronized" and not self.below_s and not self.is_ahead

    @property
    def now(self) -> datetime:
        """The time by which things are fresh or expired: the wall clock, unless the floor contradicts it."""
        return from_unix(self.floor_s) if self.is_ahead else self.label

    @property
    def label(self) -> datetime:
        """The time to date something with, for people: the wall clock, never below the floor."""
        return from_unix(max(self.wall_s, self.floor_s))

    @property
    def text(self) -> str:
        """The state in words: the quality, and how far the clock is from the floor where that matters."""
        words = QUALITY_WORDS[self.quality]
        if self.below_s:
            return f"{words}; {format_span(self.below_s)} below the floor of time"
        if self.is_ahead or self.leap_s:
            ahead = format_span(self.wall_s - self.floor_s)
            return f"{words}; {ahead} ahead of the floor of time, not believed yet"
        return words


class ClockFloor:
    """The floor of one state folder; any thread may use it.

    While open as a context manager it follows the clock in a thread of its own, the only one to wait for the
    disk.
    """

    def __init__(
        self,
        folder: Path | None,
        clocks: Clocks | None = None,
        *,
        built: datetime = BUILT[1],
        hold_s: float = HOLD_S,
        trusted: frozenset[TimeQuality] = frozenset({"synchronized"}),
    ) -> None:
        """Read the floor in ``folder``; a missing or damaged file gives the build's date.

        Args:
            folder: of the node's state; None keeps the floor in memory alone.
            clocks: of this machine, unless given.
            built: the floor is never lower.
            hold_s: how long a clock that leaps must run on evenly before it is believed.
            trusted: qualities of a clock that may raise the floor.
        """
        self.path = None if folder is None else folder / FLOOR_NAME
        self._clocks = clocks or Clocks()
        self._built_s = built.timestamp()
        self._hold_s = hold_s
        self._trusted = trusted
        self._lock = threading.RLock()  # of the values in memory; never held while the disk is waited for
        self._disk = threading.RLock()  # of the file
        self._leap: tuple[int, float] | None = None  # since when, and its distance to monotonic time
        self._stamp: tuple[int, int, int] | None = None
        self._saved_s = float("-inf")  # as long as there is no file
        self._saved_ns = 0
        self._is_failing = False
        self._next_save_s = 0.0
        self._anchor_s, self._anchor_ns = self._built_s, self._clocks.monotonic_ns()
        self._source = FloorSource.BUILD
        self._is_anchored = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="clock-floor", daemon=True)
        self._load()

    def __enter__(self) -> ClockFloor:  # noqa: PYI034  Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self.close()

    @property
    def durable_s(self) -> float:
        """The floor that the next boot would start from: what may be forgotten is older."""
        with self._lock:
            return max(self._saved_s, self._built_s)

    def read(self) -> ClockReading:
        """Return the wall clock and the floor."""
        with self._lock:
            wall_s, floor_s = self._clocks.wall_s(), self._floor_s()
            leap_s = max(0.0, wall_s - floor_s) if self._leap is not None else 0.0
            quality = self._clocks.quality()
            return ClockReading(wall_s, floor_s, quality, self._source, leap_s, self._is_anchored)

    def now_s(self) -> float:
        """Return the time by which things are fresh or expired, in Unix time."""
        return self.read().now.timestamp()

    def note_signed(self, at: datetime) -> None:
        """Raise the floor to the time in a command whose signature holds, unless our own clock is trusted."""
        with self._lock:
            if not self.read().is_trusted:
                self._raise(at.timestamp(), FloorSource.SIGNED_COMMAND)

    def look(self) -> None:
        """Raise the floor by a trusted clock, take over what an operator set, and save what is due."""
        self._look(_SAVE_EVERY_S)

    def set_floor(self, at: datetime | None) -> None:
        """Set the floor, also to an earlier time, at an operator's request, and save it; None: the build's.

        Raises:
            OSError: it cannot be saved.
        """
        with self._disk:
            with self._lock:
                self._anchor(max(self._built_s, self._built_s if at is None else at.timestamp()))
                self._source = FloorSource.BUILD if at is None else FloorSource.OPERATOR
                self._leap, self._is_anchored = None, False
            self._save()

    def close(self) -> None:
        """Save the floor, unless an operator just set it; a disk that takes nothing is noted in the log."""
        self._look(1.0)

    def _look(self, save_every_s: float) -> None:
        with self._disk:
            if self.path is not None and _stamp(self.path) != self._stamp:
                self._load()
            self._follow_clock()
            self._save_if_due(save_every_s)

    def _follow(self) -> None:
        while not self._ended.wait(_LOOK_S):
            self.look()

    def _floor_s(self) -> float:
        elapsed_s = max(0, self._clocks.monotonic_ns() - self._anchor_ns) / 1e9
        return min(self._anchor_s + elapsed_s, _LATEST_S)

    def _anchor(self, floor_s: float) -> None:
        self._anchor_s, self._anchor_ns = min(floor_s, _LATEST_S), self._clocks.monotonic_ns()

    def _raise(self, floor_s: float, source: FloorSource) -> None:
        if self._floor_s() < floor_s <= _LATEST_S:
            self._anchor(floor_s)
            self._source, self._is_anchored = source, True

    def _follow_clock(self) -> None:
        """Raise the floor by the wall clock if it may be believed."""
        with self._lock:
            wall_s, quality = self._clocks.wall_s(), self._clocks.quality()
            if quality not in self._trusted or wall_s <= self._floor_s():
                self._leap = None
            elif self._may_believe(wall_s):
                self._leap = None
                self._raise(wall_s, FloorSource.SYNCHRONIZED)

    def _may_believe(self, wall_s: float) -> bool:
        """Tell whether the clock is near the floor, or has run evenly for long enough since it leapt."""
        if wall_s - self._floor_s() <= (_SET_S if self._is_anchored else LEAP_S):
            return True
        now_ns = self._clocks.monotonic_ns()
        distance_s = wall_s - now_ns / 1e9
        if self._leap is None or abs(distance_s - self._leap[1]) > _STEADY_S:
            self._leap = now_ns, distance_s
        return now_ns - self._leap[0] >= self._hold_s * 1e9

    def _save_if_due(self, every_s: float) -> None:
        if not self._is_save_due(every_s) or (self._is_failing and time.monotonic() < self._next_save_s):
            return
        try:
            self._save()
        except OSError as err:
            if not self._is_failing:
                _log.warning("%s: %s; the floor of time would not survive a reboot", self.path, err.strerror)
            self._is_failing, self._next_save_s = True, time.monotonic() + _RETRY_S
        else:
            self._is_failing = False

    def _is_save_due(self, every_s: float) -> bool:
        """Tell whether the file is that old, or something raised the floor beyond the time that passed."""
        with self._lock:
            floor_s = self._floor_s()
            passed_s = (self._clocks.monotonic_ns() - self._saved_ns) / 1e9
            return floor_s - self._saved_s >= every_s or floor_s - self._saved_s - passed_s >= _RAISED_S

    def _save(self) -> None:
        with self._lock:
            record = FloorRecord(
                floor_s=self._floor_s(),
                source=self._source,
                boot_id=self._clocks.boot_id(),
                monotonic_ns=self._clocks.monotonic_ns(),
            )
        if self.path is not None:
            replace_file(self.path, [msgspec.json.encode(record) + b"\n"])
            self._stamp = _stamp(self.path)
        with self._lock:
            self._saved_s, self._saved_ns = record.floor_s, record.monotonic_ns

    def _load(self) -> None:
        """Take over the file's floor; in the boot that wrote it, with the time since."""
        record = self._read_file()
        with self._lock:
            if record is None:  # what is in memory still holds
                self._saved_s = float("-inf")
                return
            self._saved_s = max(record.floor_s, self._built_s)
            elapsed_ns = 0
            is_same_boot = record.boot_id == self._clocks.boot_id()
            self._is_anchored = is_same_boot and record.source in _ANCHORS
            if is_same_boot:
                elapsed_ns = max(0, self._clocks.monotonic_ns() - record.monotonic_ns)
            self._source = record.source if record.floor_s >= self._built_s else FloorSource.BUILD
            self._anchor(self._saved_s + elapsed_ns / 1e9)
            self._saved_ns = self._anchor_ns - elapsed_ns

    def _read_file(self) -> FloorRecord | None:
        if self.path is None:
            return None
        self._stamp = _stamp(self.path)
        try:
            with self.path.open("rb") as file:
                return msgspec.json.decode(file.read(_MAX_BYTES), type=FloorRecord)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as err:  # msgspec's errors are ValueErrors
            _log.warning("%s: %s; set aside, the floor is the build's date", self.path, err)
            with suppress(OSError):
                self.path.replace(self.path.with_suffix(".damaged"))
            return None


def from_unix(moment_s: float) -> datetime:
    """Return a Unix time as a time in UTC."""
    return datetime.fromtimestamp(moment_s, timezone.utc)


def format_span(span_s: float) -> str:
    """Return a length of time in its largest unit, rounded: 400 d, 3 h, 10 min, 42 s."""
    for unit, unit_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if span_s >= 2 * unit_s:
            return f"{span_s / unit_s:.0f} {unit}"
    return f"{span_s:.0f} s"


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return a value that changes with every new file; None without one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
