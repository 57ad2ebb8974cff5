"""``edge-node demo`` ends with everything that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("iotcore", reason="needs the extra demo")


def test_two_stops_at_once_leave_neither_daemon_nor_folder(tmp_path):
    """``timeout`` and a closing terminal signal twice: the second one must not cut the cleaning up short."""
    command = [sys.executable, "-m", "edge_node.cli", "demo", "--keep"]
    with subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert any("corroded" in line for line in demo.stdout)  # the first verdict has arrived
        for _ in range(2):
            demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
