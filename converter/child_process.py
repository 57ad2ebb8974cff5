"""A child process that ends with its parent, however that one ends: SIGKILL leaves no chance to say so."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies


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
