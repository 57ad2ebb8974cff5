"""The spool on a file system that is full or read-only: what is kept, what is counted, how it returns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import SpoolError
from edge_node.messages.topics import Kind
from edge_node.spool.pending import MAX_ROWS
from edge_node.spool.rows import Keep
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = SpoolConfig(max_mb=512, reserve_mb=1)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if os.geteuid() != 0 or mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def hog(folder: Path) -> Path:
    """Fill the file system to the last byte, as another program would."""
    file = folder / "hog"
    with file.open("ab", buffering=0) as opened:
        for size in (65536, 1):
            try:
                while True:
                    opened.write(b"\0" * size)
            except OSError:
                pass
    return file


def codes(spool: Spool) -> list[str]:
    """The codes of the alarms that are on."""
    return [alarm.code for alarm in spool.depth().alarms]


def append(spool: Spool, count: int, keep: Keep = Keep.NORMAL) -> None:
    """Append ``count`` rows of half a kilobyte."""
    for _ in range(count):
        spool.append(Kind.VERDICT, lambda seq: b"%d %s" % (seq, b"x" * 500), keep=keep)


def numbers(spool: Spool) -> list[int]:
    """The numbers of the rows on disk."""
    return [row.seq for row in spool.rows(Kind.VERDICT, limit=1_000_000)]


def test_a_full_disk_takes_the_reserve_first(disk: Path) -> None:
    """When others fill the disk, the reserve is given up and verdicts still reach the disk."""
    spool = Spool.open(disk / "spool.sqlite", CONFIG)
    append(spool, 10, Keep.HIGH)
    assert spool.flush(5)
    assert (disk / "spool.sqlite-reserve").stat().st_size == 1_000_000
    hog(disk)
    append(spool, 200, Keep.HIGH)
    assert spool.flush(5)
    assert not (disk / "spool.sqlite-reserve").exists()
    assert numbers(spool) == list(range(1, 211))
    spool.close()


def test_a_disk_that_stays_full_is_told_and_recovers_without_a_restart(disk: Path) -> None:
    """Corroded verdicts wait in memory with an alarm; when there is room they are on disk, in order."""
    spool = Spool.open(disk / "spool.sqlite", SpoolConfig(reserve_mb=0))
    append(spool, 100, Keep.HIGH)
    assert spool.flush(5)
    filler = hog(disk)
    append(spool, 3000, Keep.HIGH)
    wait_for(lambda: "disk_full" in codes(spool), what="alarm")
    assert not spool.flush(0.3)
    assert spool.depth().in_memory > 0
    filler.unlink()
    assert spool.flush(10)
    assert codes(spool) == []
    depth = spool.depth()
    assert (depth.refused, depth.dropped, depth.in_memory) == (0, 0, 0)
    assert numbers(spool) == list(range(1, 3101))
    spool.close()


def test_on_a_full_disk_uncorroded_verdicts_make_room_for_corroded_ones(disk: Path) -> None:
    """The file does not grow, and yet what matters is written, at the cost of what matters least."""
    spool = Spool.open(disk / "spool.sqlite", SpoolConfig(reserve_mb=3))
    append(spool, 2000, Keep.LOW)
    append(spool, 100, Keep.HIGH)
    assert spool.flush(5)
    hog(disk)
    append(spool, 100, Keep.HIGH)
    assert spool.flush(5)
    hog(disk)  # what the reserve gave back
    for _ in range(9):
        append(spool, 100, Keep.HIGH)
        assert spool.flush(10)
    high = [row.seq for row in spool.rows(Kind.VERDICT, limit=10_000) if row.keep is Keep.HIGH]
    assert high == list(range(2001, 3101))
    depth = spool.depth()
    assert depth.refused == 0
    assert depth.dropped == 3100 - depth.waiting > 0
    spool.close()


def test_what_memory_cannot_hold_either_is_counted(disk: Path) -> None:
    """With the disk full for long, the least worth keeping is refused, and every refusal is counted."""
    spool = Spool.open(disk / "spool.sqlite", SpoolConfig(reserve_mb=0))
    filler = hog(disk)
    append(spool, 10, Keep.HIGH)
    wait_for(lambda: "disk_full" in codes(spool), what="alarm")
    for _ in range(MAX_ROWS - 10):
        spool.append(Kind.VERDICT, lambda seq: b"%d" % seq, keep=Keep.LOW)
    for _ in range(50):
        spool.append(Kind.VERDICT, lambda seq: b"%d" % seq, keep=Keep.HIGH)
    refused = spool.depth().refused
    assert 30 <= refused <= 50  # those that the writer has in hand do not count against the bound
    assert not spool.flush(0.1)
    filler.unlink()
    wait_for(lambda: spool.depth().in_memory == 0, what="recovery")
    found = spool.rows(Kind.VERDICT, limit=100_000)
    assert len(found) == MAX_ROWS + 50 - refused - spool.depth().dropped
    assert sum(row.keep is Keep.HIGH for row in found) == 60
    spool.close()


WRITES_FAIL = """
import json, resource, signal, sys, time
from pathlib import Path
from edge_node.config.sections import SpoolConfig
from edge_node.messages.topics import Kind
from edge_node.spool.spool import Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool.open(Path(sys.argv[1]), SpoolConfig())
append = lambda count: [spool.append(Kind.VERDICT, lambda seq: b"%d" % seq) for _ in range(count)]
append(5)
assert spool.flush(5)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
append(5)
flushed = spool.flush(1)
codes = [alarm.code for alarm in spool.depth().alarms]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
recovered = spool.flush(10)
numbers = [row.seq for row in spool.rows(Kind.VERDICT)]
print(json.dumps([flushed, codes, recovered, numbers, [alarm.code for alarm in spool.depth().alarms]]))
spool.close()
"""


def test_writes_that_fail_are_told_and_repeated(tmp_path: Path) -> None:
    """A disk whose writes fail raises an alarm; rows wait in memory and are on disk when it is back."""
    ran = subprocess.run(
        [sys.executable, "-c", WRITES_FAIL, str(tmp_path / "spool.sqlite")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    flushed, alarms, recovered, found, alarms_after = json.loads(ran.stdout)
    assert (flushed, recovered) == (False, True)
    assert len(alarms) == 1
    assert alarms[0] in ("disk_failing", "disk_full")
    assert found == list(range(1, 11))
    assert alarms_after == []


def test_opening_on_a_read_only_file_system_is_one_sentence(disk: Path) -> None:
    """A node that can keep nothing does not start, and says why."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(SpoolError, match="Read-only file system; the spool needs a folder"):
        Spool.open(disk / "spool.sqlite", CONFIG)
