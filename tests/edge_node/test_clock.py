"""What the machine says of its own clock."""

from __future__ import annotations

from pathlib import Path

from edge_node.clock import boot_id, read_timesync_mark, time_quality


def test_the_boot_id_is_the_kernels():
    """Two reads in one boot are equal, and are what the kernel shows."""
    assert boot_id() == boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


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
