"""Read this machine's clocks, its boot id and whether the wall clock is synchronized: robots boot without."""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import uuid4

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable

TimeQuality: TypeAlias = Literal["synchronized", "not_synchronized", "unknown"]

QUALITY_WORDS: dict[TimeQuality, str] = {  # for people, the same wherever a clock's state is shown
    "synchronized": "synchronized",
    "not_synchronized": "not synchronized",
    "unknown": "not known whether synchronized",
}
TIMESYNC = Path("/run/systemd/timesync")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UPTIME = Path("/proc/uptime")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; mode 0 only reads


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return the kernel's random id of this boot; monotonic times compare within one.

    Where a sandbox hides it, each process gets an id of its own: nothing tells whether it booted in between.
    """
    with suppress(OSError, ValueError):
        if found := _BOOT_ID.read_text(encoding="ascii").strip():
            return found
    return f"unknown-{uuid4()}"


def time_quality() -> TimeQuality:
    """Return whether the kernel considers the wall clock synchronized (NTP, PTP, GPS).

    Where the service manager forbids adjtimex (``ProtectClock=``), systemd-timesyncd's mark is read instead.
    Cached for a second: a clock is not set more often, and frames come faster.

    Source: adjtimex(2), systemd-timesyncd.service(8).
    """
    return _quality_in(int(time.monotonic()))


@lru_cache(maxsize=1)
def _quality_in(_second: int) -> TimeQuality:
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return read_timesync_mark()
    if state < 0:
        return read_timesync_mark()
    return "not_synchronized" if state == _TIME_ERROR else "synchronized"


def read_timesync_mark(timesync: Path = TIMESYNC) -> TimeQuality:
    """Read the mark of systemd-timesyncd in its run-time folder; "unknown" where it does not run."""
    if not timesync.is_dir():
        return "unknown"
    return "synchronized" if (timesync / "synchronized").exists() else "not_synchronized"


def boot_time_ns() -> int:
    """Return the time since the boot, with that in which the machine slept.

    The kernel's file is read: a preloaded library may shift the clocks of this process alone, and others
    compare their times with ours.
    """
    try:
        return int(float(_UPTIME.read_bytes().split()[0]) * 1e9)
    except (OSError, ValueError, IndexError):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Clocks(PlainStruct, frozen=True):
    """The clocks of a machine, this one's unless others are given.

    Attributes:
        wall_s: Unix time; it may be set forward and back.
        monotonic_ns: runs evenly within one ``boot_id``, also while the machine sleeps.
    """

    wall_s: Callable[[], float] = time.time
    monotonic_ns: Callable[[], int] = boot_time_ns
    quality: Callable[[], TimeQuality] = time_quality
    boot_id: Callable[[], str] = boot_id
