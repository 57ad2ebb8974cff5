"""End a child process with its parent, even a killed one, and measure the memory of processes."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

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


def memory_mb() -> float:
    """Return the memory that this process takes now; on systems that do not tell, the most so far."""
    return _read_status_mb("VmRSS") or peak_memory_mb()


def peak_memory_mb() -> float:
    """Return the most memory that this process has taken so far.

    Linux's resource usage begins with the peak of the process that started this one, so it is asked last.
    """
    return _read_status_mb("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_PER_MB


def peak_memory_of_children_mb() -> float:
    """Return the most memory that any one of the children that have ended took."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNITS_PER_MB


def _read_status_mb(key: str) -> float | None:
    """Return a size that Linux tells of this process; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) / 1e3 for line in lines if line.startswith(f"{key}:")), None)
