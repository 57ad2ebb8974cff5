"""Limit glibc's malloc arenas and return freed memory to the system.

Frames of megabytes are allocated and freed in a dozen threads.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8  # from <malloc.h>
# By default each thread gets its own arena, which keeps the memory freed in it: 5 MB more on the demo's clip.
# The threads nearly always hold the GIL when they allocate, so they seldom contend for the one arena.
ARENAS = 1


def limit_arenas() -> None:
    """Make all threads allocate from one arena; call it before they start. No effect outside glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


def trim() -> None:
    """Return free memory to the system: loading and measuring models frees megabytes at once."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
