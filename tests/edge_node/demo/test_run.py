"""``edge-node demo`` ends with everything that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

pytest.importorskip("iotcore", reason="needs the extra demo")


def test_stops_in_a_row_leave_neither_daemon_nor_folder(tmp_path):
    """``timeout`` sends two: the second one must not cut short the cleaning up after the first."""
    command = [sys.executable, "-m", "edge_node.cli", "demo", "--keep"]
    with subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert any("corroded" in line for line in demo.stdout)  # the first verdict has arrived
        while demo.poll() is None:
            demo.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                demo.wait(0.05)
        assert demo.returncode == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
