"""The processes in which bundles on trial judge, for tests."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def shadows_of(parent_pid: int) -> list[int]:
    """Return the process ids of the shadows that a process started."""
    tasks = Path(f"/proc/{parent_pid}/task").iterdir()
    pids = [pid for task in tasks for pid in (task / "children").read_text().split()]
    return [
        int(pid) for pid in pids if b"edge_node.shadow.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def make_as_urgent_as_others(pid: int) -> None:
    """Undo its stepping back, where that is allowed: on a busy machine it would get no time at all."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, int(thread.name), 0)
