"""End a child process with its parent, even a killed one, and measure the memory of processes."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies
_UNITS_PER_MB = 1e6 if sys.platform == "darwin" else 1e3  # ru_maxrss: bytes there, kilobytes elsewhere


def end_with_parent(parent: int) -> None:
    """Let the kernel end this process when its parent dies; end it now if that has happened already.

    Linux only; elsewhere nothing happens.

    Args:
        parent: process id of the parent that started this process.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that wanted this has ended")


def peak_memory_mb() -> float:
    """Return the most memory that this process has taken so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_PER_MB


def peak_memory_of_children_mb() -> float:
    """Return the most memory that any one of the children that have ended took."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNITS_PER_MB
