"""What the machine says of its own clock: robots boot without one."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

TimeQuality: TypeAlias = Literal["synchronized", "not_synchronized", "unknown"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; mode 0 only reads


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return the kernel's random id of this boot; monotonic times compare within one."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def time_quality() -> TimeQuality:
    """Return whether the kernel holds the wall clock to be synchronized (NTP, PTP, GPS).

    Source: adjtimex(2).
    """
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return "unknown"
    if state < 0:
        return "unknown"
    return "not_synchronized" if state == _TIME_ERROR else "synchronized"
