"""The spool on a file system that is full or read-only: what is kept, what is counted, how it returns."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import SpoolError
from edge_node.messages.topics import Kind
from edge_node.spool.database import SpoolDatabase
from edge_node.spool.files import Limits
from edge_node.spool.rows import Keep, NewRow, StoredRange
from edge_node.spool.spool import Spool
from edge_node.spool.transaction import Batch
from tests.support.full_disk import append, codes, hog
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path


CONFIG = SpoolConfig(max_mb=512, reserve_mb=1)


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


PLENTY = Limits(hard=1 << 40, soft=1 << 40)


def verdicts(first: int, count: int, keep: Keep = Keep.HIGH) -> list[NewRow]:
    """Rows of a kilobyte with the numbers from ``first``."""
    return [NewRow(Kind.VERDICT, first + n, "e", keep, 0.0, b"x" * 1300) for n in range(count)]


def test_a_verdict_that_is_delivered_at_once_writes_two_pages(tmp_path: Path) -> None:
    """Its own, on which the one before it is deleted, and that of the chain's end; 0.7.0 wrote eight."""
    path = tmp_path / "spool.sqlite"
    path.touch()
    database = SpoolDatabase(path)
    log = path.with_name("spool.sqlite-wal")

    def write(seq: int, settled: list[int]) -> int:
        batch = Batch(verdicts(seq, 1), settled, meta={"last_verdict": f"{seq}" * 150})
        database.write(batch, PLENTY)
        return database.rows(Kind.VERDICT, after=0, up_to=None, limit=9)[-1][0].position

    position = write(1, [])
    before_bytes = log.stat().st_size
    for seq in range(2, 102):
        position = write(seq, [position])
    pages = (log.stat().st_size - before_bytes) / (4096 + 24)
    assert pages == 200
    assert database.waiting() == 1
    database.close()


def test_what_is_done_for_each_verdict_looks_at_a_few_rows_however_many_wait(tmp_path: Path) -> None:
    """A week without a link leaves 400,000: neither sending nor writing may search them."""
    path = tmp_path / "spool.sqlite"
    path.touch()
    database = SpoolDatabase(path)
    database.write(Batch(verdicts(1, 3000)), PLENTY)
    database.write(Batch([NewRow(Kind.FINDING, 1, "e", Keep.HIGH, 0.0, b"x")]), PLENTY)
    last = database.last_position()
    steps: list[int] = []
    for connection in (database._writer, database._reader):
        connection.set_progress_handler(lambda: steps.append(1), 100)
    for kind, count in ((Kind.VERDICT, 64), (Kind.FINDING, 1), (Kind.RESPONSE, 0)):
        assert len(database.rows(kind, after=0, up_to=last, limit=64)) == count
        assert database.rows(kind, after=last, up_to=None, limit=64) == []
    assert database.oldest() == (1, 0.0)
    assert database.newest(Kind.FINDING).seq == 1
    database.write(Batch(verdicts(3001, 1), [1, 2]), PLENTY)
    stored = [StoredRange(Kind.VERDICT, "e", 3, 12)]
    assert database.write(Batch(verdicts(3002, 1), stored=stored), PLENTY).change == 1 - 10
    assert len(steps) < 60, f"{len(steps)} hundred steps"
    database.close()
