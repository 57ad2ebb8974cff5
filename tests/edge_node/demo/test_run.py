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
    """As ``timeout`` sends them, to the group and more than once: cleaning up goes on to its end."""
    command = [sys.executable, "-m", "edge_node.cli", "demo", "--keep"]
    with subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as demo:
        assert demo.stdout is not None
        assert any("corroded" in line for line in demo.stdout)  # the first verdict has arrived
        while demo.poll() is None:
            os.killpg(demo.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                demo.wait(0.05)
        assert demo.returncode == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):  # nor a process of its group
        os.killpg(demo.pid, 0)
