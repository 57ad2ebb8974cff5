"""How much the C library keeps of what was freed: frames come and go by the megabyte, in a dozen threads."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8  # from <malloc.h>
# By default each thread gets a heap of its own, and keeps in it what it freed: 5 MB more on the demo's clip.
# The threads hold Python's lock nearly always when they ask for memory, and seldom wait for one another here.
ARENAS = 1


def limit_arenas() -> None:
    """Have all threads take memory from one heap; call it before they start.

    Another C library than glibc is left as it is.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


def trim() -> None:
    """Return to the system what is free: loading and measuring models frees megabytes at once."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
