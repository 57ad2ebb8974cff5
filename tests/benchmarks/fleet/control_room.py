"""The real ``edge-node control-room`` as the room of a fleet: a process, and what its history says."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_node.control_room.history.database import NAME
from tests.benchmarks.fleet.processes import ROOT, wait_until
from tests.benchmarks.fleet.room import PERCENTILES
from tests.support.processes import free_port

if TYPE_CHECKING:
    from pathlib import Path


class ControlRoom:
    """Satisfies what ``measure`` wants of a room; nobody looks at its page."""

    def __init__(self, broker_port: int, folder: Path) -> None:
        """Start it with its history in ``folder``."""
        self._file = folder / NAME
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "edge_node.cli", "control-room"),
                *("--broker", f"127.0.0.1:{broker_port}", "--state-dir", str(folder)),
                *("--port", str(free_port()), "--log-level", "warning"),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Wait until its page is there, and its broker."""
        assert self._process.stdout is not None
        assert "control room: http" in self._process.stdout.readline()

    def report(self) -> dict[str, Any]:
        """Return what its history has, which is all that it acknowledged."""
        if not wait_until(self._file.exists, 10):
            raise AssertionError(f"{self._file}: the control room keeps its history elsewhere")
        with sqlite3.connect(f"file:{self._file}?mode=ro", uri=True) as history:
            times = np.array(
                history.execute("SELECT received_us, observed_us FROM verdict").fetchall() or [(0, 0)]
            )
            numbers = history.execute(
                "SELECT epoch, max(last_seq), max(last_seq) - sum(last_seq - first_seq + 1)"
                " FROM arrived JOIN epoch USING (epoch_key) GROUP BY epoch_key"
            ).fetchall()
            twice = history.execute("SELECT coalesce(sum(duplicates), 0) FROM robot").fetchone()[0]
        ages_ms = (times[:, 0] - times[:, 1]) / 1000
        span_s = float(times[:, 0].max() - times[:, 0].min()) / 1e6
        return {
            "delivered_per_s": len(times) / span_s if span_s else 0.0,
            "twice": twice,
            "missing": sum(gap for _, _, gap in numbers),
            "last": {epoch: last for epoch, last, _ in numbers},
            **{f"age_p{p}_ms": float(np.percentile(ages_ms, p)) for p in PERCENTILES},
        }

    def end(self) -> None:
        """Stop it as systemd would; kill it if it stays."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
