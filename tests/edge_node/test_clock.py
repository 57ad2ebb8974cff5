"""What the machine says of its own clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_node import clock
from edge_node.clock import boot_id, boot_time_ns, read_timesync_mark, time_quality

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def test_the_boot_id_is_the_kernels():
    """Two reads in one boot are equal, and are what the kernel shows."""
    assert boot_id() == boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_where_the_boot_id_is_hidden_no_two_processes_share_one(tmp_path, monkeypatch, content):
    """Else times of two boots would be compared, and a finding of days ago would go on."""
    hidden = tmp_path / "boot_id"
    if content is not None:
        hidden.write_text(content)
    monkeypatch.setattr(clock, "_BOOT_ID", hidden)
    found = [boot_id.__wrapped__() for _ in range(2)]
    assert found[0] != found[1]
    assert all(name.startswith("unknown-") for name in found)


def test_the_quality_is_one_of_three_words():
    """Whatever this machine's clock is at, the answer is one that readers know."""
    assert time_quality() in {"synchronized", "not_synchronized", "unknown"}


def test_timesyncds_mark_is_read(tmp_path):
    """No folder: unknown; the folder: not yet; the mark in it: synchronized."""
    folder = tmp_path / "timesync"
    assert read_timesync_mark(folder) == "unknown"
    folder.mkdir()
    assert read_timesync_mark(folder) == "not_synchronized"
    (folder / "synchronized").touch()
    assert read_timesync_mark(folder) == "synchronized"


def test_the_time_since_the_boot_is_the_kernels():
    """Within the hundredth of a second to which its file is rounded."""
    begin_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    found_ns = boot_time_ns()
    assert begin_ns - 20_000_000 <= found_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime (Debian: faketime)")
def test_the_time_since_the_boot_is_not_that_of_a_library():
    """Shifted for one process alone, it would raise the floor of time by years for all."""
    code = "from edge_node.clock import boot_time_ns; print(boot_time_ns())"
    shifted = {**os.environ, "LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": "+400d"}
    done = subprocess.run([sys.executable, "-c", code], env=shifted, capture_output=True, check=True)
    assert int(done.stdout) <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
