"""Children of a conversion: none outlives its parent, not even one that was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = "import os, sys, time; from converter.child_process import end_with_parent;"
CHILD += "end_with_parent(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(60)"
PARENT = "import os, subprocess, sys;"
PARENT += "subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2] or str(os.getpid())], check=False)"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
def test_a_child_ends_when_its_parent_is_killed():
    """SIGKILL of the parent; the child, which would sleep for a minute, is gone within seconds."""
    command = [sys.executable, "-c", PARENT, CHILD, ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 20
        while _runs(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = _runs(child)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    assert not left


def test_a_child_whose_parent_is_gone_already_does_not_start():
    """Another process id than its parent's: it ends at once, and says why."""
    done = subprocess.run([sys.executable, "-c", CHILD, "0"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "the process that wanted this has ended"


def _runs(process: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
