"""Reads from ``/proc`` what a process takes: processor time, memory, bytes written; by thread too."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

_CPU_CLOCK = 2  # the kernel's name for a process's processor time, in the lowest bits beside its inverted id


@dataclass(frozen=True)
class ThreadFigures:
    """What threads of one name have used so far.

    Attributes:
        cpu_ms: processor time.
        waited_ms: time ready to run, without a processor.
        waits: times that a thread went to sleep by itself, to wait for something.
    """

    cpu_ms: float = 0.0
    waited_ms: float = 0.0
    waits: int = 0

    def __add__(self, other: ThreadFigures) -> ThreadFigures:
        return ThreadFigures(
            self.cpu_ms + other.cpu_ms, self.waited_ms + other.waited_ms, self.waits + other.waits
        )

    def since(self, before: ThreadFigures, verdicts: int) -> ThreadFigures:
        """Return what was used since ``before``, for each verdict."""
        return ThreadFigures(
            (self.cpu_ms - before.cpu_ms) / verdicts,
            (self.waited_ms - before.waited_ms) / verdicts,
            (self.waits - before.waits) / verdicts,
        )


@dataclass(frozen=True)
class ProcessFigures:
    """What a process has used so far, and its memory now; ``threads`` by their name."""

    cpu_s: float
    written_bytes: int
    rss_mb: float
    pss_mb: float
    peak_mb: float
    threads: dict[str, ThreadFigures] = field(default_factory=dict)


def process_figures(pid: int) -> ProcessFigures:
    """Return the figures of a process that runs."""
    folder = Path(f"/proc/{pid}")
    status, written = _fields(folder / "status"), _fields(folder / "io")
    found: dict[str, ThreadFigures] = {}
    for task in (folder / "task").iterdir():
        try:
            name, figures = (task / "comm").read_text().strip(), _thread_figures(task)
        except FileNotFoundError:  # it ended meanwhile
            continue
        found[name] = found.get(name, ThreadFigures()) + figures
    return ProcessFigures(
        time.clock_gettime((~pid << 3) | _CPU_CLOCK),
        int(written["write_bytes"]),
        int(status["VmRSS"].split()[0]) / 1024,
        int(_fields(folder / "smaps_rollup")["Pss"].split()[0]) / 1024,
        int(status["VmHWM"].split()[0]) / 1024,
        found,
    )


def _thread_figures(task: Path) -> ThreadFigures:
    ran_ns, waited_ns, _ = map(int, (task / "schedstat").read_text().split())
    return ThreadFigures(
        ran_ns / 1e6, waited_ns / 1e6, int(_fields(task / "status")["voluntary_ctxt_switches"])
    )


def _fields(path: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in path.read_text(encoding="ascii").splitlines())
    return {name: value.strip() for name, _, value in lines}
