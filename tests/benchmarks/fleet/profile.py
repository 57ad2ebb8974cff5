"""Where a room's time per verdict goes: py-spy looks at the running process a hundred times a second."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

_RATE_HZ = 100
_WAITING = ("select (", "Session.poll (", "poll (")  # innermost: nothing to do; py-spy cannot always tell
# A sample counts for the first of these whose words stand in its innermost matching frame.
STEPS = (
    ("SQLite: insert, update, look up", ("database.py",)),
    ("history: ranges, keys, rows", ("history/",)),
    ("decoding and checking of what came", ("decoding.py", "topics.py")),
    ("telling the pages (JSON, event stream)", ("event_stream.py", "json_views.py")),
    ("encoding for the history", ("verdict.py", "batch_store.py")),
    ("acknowledging", ("acknowledge (", "_send_puback", "_packet_queue")),
    ("MQTT: socket, packets, callbacks", ("paho/", "edge_node/mqtt/")),
    ("ingest: batches", ("ingest.py", "receipts.py")),
    ("web server, page", ("uvicorn/", "starlette/", "server.py", "asyncio/")),
)


class Profile:
    """Samples a process from the outside until ``shares`` is asked for."""

    def __init__(self, pid: int) -> None:
        """Begin.

        Raises:
            SystemExit: py-spy is not installed, or may not look.
        """
        spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
        if spy is None:
            raise SystemExit("--profile wants py-spy: pip install py-spy")
        self._folder = tempfile.TemporaryDirectory()
        self._stacks = Path(self._folder.name) / "stacks"
        self._spy = subprocess.Popen(
            [
                *(spy, "record", "--pid", str(pid), "--rate", str(_RATE_HZ)),
                *("--format", "raw", "--full-filenames", "--output", str(self._stacks)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def shares(self) -> list[tuple[str, float]]:
        """Stop, and return the share of each step in the process's busy time, largest first."""
        self._spy.send_signal(2)
        self._spy.wait(30)
        if not self._stacks.exists():
            raise SystemExit("py-spy gave nothing: may this user trace processes (kernel.yama.ptrace_scope)?")
        seen: Counter[str] = Counter()
        for line in self._stacks.read_text(encoding="utf-8").splitlines():
            stack, _, count = line.rpartition(" ")
            frames = stack.split(";")
            if not frames[-1].startswith(_WAITING):
                seen[_step(frames)] += int(count)
        self._folder.cleanup()
        return [(step, count / seen.total()) for step, count in seen.most_common()]


def _step(frames: list[str]) -> str:
    for frame in reversed(frames):
        for name, words in STEPS:
            if any(word in frame for word in words):
                return name
    return "other"
