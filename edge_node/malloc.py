"""Limit glibc's malloc arenas, and return memory that is not needed to the system.

Frames of megabytes are allocated and freed in a dozen threads. Importing OpenCV, the TFLite runtime and the
rest touches 55 MB of libraries, of which inspecting frames needs 35.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_M_ARENA_MAX = -8  # from <malloc.h>
# By default each thread gets its own arena, which keeps the memory freed in it: 5 MB more on the demo's clip.
# The threads nearly always hold the GIL when they allocate, so they seldom contend for the one arena.
ARENAS = 1
_MADV_DONTNEED = 4  # from <sys/mman.h>
_MAPPINGS = Path("/proc/self/smaps")


def limit_arenas() -> None:
    """Make all threads allocate from one arena; call it before they start. No effect outside glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


def trim() -> None:
    """Return free memory to the system: loading and measuring models frees megabytes at once."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def unmap_idle_code() -> None:
    """Take the code of libraries out of this process's memory; what is executed comes back page by page.

    The pages stay in the system's file cache for as long as nobody else needs the memory, so that they come
    back without reading the disk. Mappings with a changed page are left alone.
    """
    with suppress(OSError, AttributeError, ValueError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in _list_code(_MAPPINGS.read_text(encoding="utf-8", errors="replace")):
            madvise(start, end - start, _MADV_DONTNEED)


class Trimmer:
    """Return what the start needed, and later what a rare event did; ``look`` is called by the main loop.

    Attributes:
        interval_s: until the next time.
    """

    def __init__(self) -> None:
        self._pauses_s = [5.0, 1.0]
        self._is_started = False
        self.interval_s = 0.0

    def look(self, _now_s: float, /) -> None:
        """Return it a second after the first call, when the first verdict is on its way, and soon again."""
        if self._is_started:
            trim()
            unmap_idle_code()
        self._is_started = True
        self.interval_s = self._pauses_s.pop() if self._pauses_s else 600.0


def _list_code(mappings: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each mapping of a file that is executable and has no page of our own.

    Such a page would be lost. It counts as anonymous, dirty or not, or is in the swap.
    """
    span: tuple[int, int] | None = None
    for line in mappings.splitlines():
        first, _, rest = line.partition(" ")
        if first in {"Anonymous:", "Swap:"} and rest.split()[0] != "0":
            span = None
        elif first == "VmFlags:" and span is not None:  # the last line of each
            yield span
        elif not first.endswith(":"):
            start, _, end = first.partition("-")
            is_code = rest.startswith("r-xp") and " /" in rest and "/memfd:" not in rest
            span = (int(start, 16), int(end, 16)) if is_code else None
