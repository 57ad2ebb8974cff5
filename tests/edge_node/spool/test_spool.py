"""The spool: numbers, order, bounds, and what it does with a disk or a file that is not as it should be."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import SpoolError
from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep, Refusal
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = SpoolConfig(max_mb=1)
PADDING = b"x" * 1000


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A new spool."""
    opened = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    yield opened
    opened.close()


def fill(spool: Spool, count: int, *, kind: Kind = Kind.VERDICT, keep: Keep = Keep.NORMAL) -> None:
    """Append ``count`` rows whose payload is their number and a kilobyte, and wait for the disk."""
    for _ in range(count):
        spool.append(kind, lambda seq: b"%d %s" % (seq, PADDING), keep=keep)
    assert spool.flush(30)


def numbers(spool: Spool, kind: Kind = Kind.VERDICT) -> list[int]:
    """The numbers of the waiting rows, in the order in which they would be sent."""
    return [row.seq for row in spool.rows(kind, limit=1_000_000)]


def settle_all(spool: Spool) -> None:
    """Say that a broker has everything, and wait until it is gone."""
    rows = [row for kind in Kind for row in spool.rows(kind, limit=1_000_000)]
    tickets = [spool.settle(row.position, urgent=True) for row in rows]
    wait_for(lambda: not tickets or spool.settled >= tickets[-1], what="deletion")


def test_numbers_count_per_kind_from_one_without_gaps(spool: Spool) -> None:
    """Each kind has numbers of its own, from 1, and rows come back in the order of appending."""
    fill(spool, 5)
    fill(spool, 3, kind=Kind.FINDING)
    fill(spool, 2)
    assert numbers(spool) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(spool, Kind.FINDING) == [1, 2, 3]


def test_numbers_go_on_after_the_queue_ran_empty_and_after_a_restart(tmp_path: Path) -> None:
    """A number is never used twice in an epoch: without AUTOINCREMENT, real verdicts look like duplicates."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 4)
    positions = [row.position for row in spool.rows(Kind.VERDICT)]
    settle_all(spool)
    epoch = spool.epoch
    spool.close()
    again = Spool.open(path, SpoolConfig())
    assert again.append(Kind.VERDICT, lambda seq: b"%d" % seq) == b"5"
    assert again.flush(5)
    assert again.rows(Kind.VERDICT)[0].position > max(positions)
    assert again.epoch == epoch
    again.close()


def test_an_encoder_that_fails_uses_no_number(spool: Spool) -> None:
    """A verdict that cannot be encoded raises where it is made and leaves no gap."""
    with pytest.raises(ZeroDivisionError):
        spool.append(Kind.VERDICT, lambda seq: b"%d" % (seq // 0))
    with pytest.raises(SpoolError, match="allowed are 1048576"):
        spool.append(Kind.VERDICT, lambda _: bytes(2_000_000))
    fill(spool, 1)
    assert numbers(spool) == [1]


def test_everything_appended_before_a_kill_and_flushed_is_there_after_it(tmp_path: Path) -> None:
    """A process that is killed right after flush has lost nothing."""
    path = tmp_path / "spool.sqlite"
    program = (
        "import os, sys; from pathlib import Path; from edge_node.spool.spool import Spool\n"
        "from edge_node.messages.topics import Kind\n"
        "from edge_node.config.sections import SpoolConfig\n"
        "spool = Spool.open(Path(sys.argv[1]), SpoolConfig())\n"
        "for _ in range(100): spool.append(Kind.VERDICT, lambda seq: b'%d' % seq)\n"
        "assert spool.flush(10)\nos.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == -9
    spool = Spool.open(path, SpoolConfig())
    assert numbers(spool) == list(range(1, 101))
    assert spool.append(Kind.VERDICT, lambda seq: b"%d" % seq) == b"101"
    spool.close()


def test_the_bound_takes_the_oldest_uncorroded_first_and_counts_them(tmp_path: Path) -> None:
    """At the bound, rows of low keep go, oldest first; those of high keep stay; every drop is counted."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SMALL)
    for _ in range(150):
        fill(spool, 9, keep=Keep.LOW)
        fill(spool, 1, keep=Keep.HIGH)
    found = spool.rows(Kind.VERDICT, limit=10_000)
    high = [row.seq for row in found if row.keep is Keep.HIGH]
    low = [row.seq for row in found if row.keep is Keep.LOW]
    assert high == list(range(10, 1501, 10))
    assert low == [seq for seq in range(low[0], 1501) if seq % 10]
    depth = spool.depth()
    assert depth.dropped == 1500 - len(found) > 0
    assert depth.waiting == len(found)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1_000_000 + 65_536  # and SQLite's -shm
    spool.close()
    again = Spool.open(path, SMALL)
    assert again.depth().dropped == depth.dropped
    again.close()


def test_when_only_corroded_verdicts_are_left_the_oldest_of_them_go(tmp_path: Path) -> None:
    """A bound is a bound: what is worth most is dropped too in the end, and counted."""
    spool = Spool.open(tmp_path / "spool.sqlite", SMALL)
    fill(spool, 2000, keep=Keep.HIGH)
    seqs = numbers(spool)
    assert seqs == list(range(seqs[0], 2001))
    assert spool.depth().dropped == 2000 - len(seqs) > 0
    spool.close()


def test_all_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask, the spool's files have mode 0600; an older, wider mode is tightened."""
    path = tmp_path / "spool.sqlite"
    path.touch()
    path.chmod(0o644)
    before = os.umask(0)
    try:
        spool = Spool.open(path, SpoolConfig())
        fill(spool, 1)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        spool.close()
    finally:
        os.umask(before)
    assert len(modes) >= 5
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-lock"])
def test_a_symbolic_link_is_refused(tmp_path: Path, suffix: str) -> None:
    """No file of the spool may be a link, or somebody else chooses what we write to."""
    target = tmp_path / "target"
    target.touch()
    (tmp_path / f"spool.sqlite{suffix}").symlink_to(target)
    with pytest.raises(SpoolError, match="symbolic link"):
        Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    assert target.stat().st_size == 0


def test_a_hard_link_and_a_folder_are_refused(tmp_path: Path) -> None:
    """The spool is a plain file that nobody else has a name for."""
    (tmp_path / "other").touch()
    (tmp_path / "spool.sqlite").hardlink_to(tmp_path / "other")
    with pytest.raises(SpoolError, match="plain file"):
        Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    (tmp_path / "folder").mkdir()
    with pytest.raises(SpoolError, match="plain file"):
        Spool.open(tmp_path / "folder", SpoolConfig())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """A spool that somebody else put there is not believed."""
    path = tmp_path / "spool.sqlite"
    path.touch()
    os.chown(path, 12345, 12345)
    with pytest.raises(SpoolError, match="belongs to user 12345"):
        Spool.open(path, SpoolConfig())


def test_a_second_node_on_the_same_spool_is_refused(spool: Spool, tmp_path: Path) -> None:
    """Two nodes would send every row twice."""
    with pytest.raises(SpoolError, match="another edge-node uses this spool"):
        Spool.open(tmp_path / "spool.sqlite", SpoolConfig())


@pytest.mark.parametrize("in_place", [True, False], ids=["written over", "replaced"])
def test_an_old_copy_that_is_put_back_is_noticed(tmp_path: Path, in_place: bool) -> None:
    """A restored backup gets a new epoch and an alarm, so that its numbers do not pass for duplicates."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 3)
    epoch = spool.epoch
    spool.close()
    shutil.copy(path, tmp_path / "backup")
    spool = Spool.open(path, SpoolConfig())
    assert spool.epoch == epoch
    fill(spool, 3)
    spool.close()
    if in_place:
        path.write_bytes((tmp_path / "backup").read_bytes())
    else:
        shutil.move(tmp_path / "backup", path)
    spool = Spool.open(path, SpoolConfig())
    assert spool.epoch != epoch
    assert [alarm.code for alarm in spool.alarms] == ["spool_restored"]
    assert spool.append(Kind.VERDICT, lambda seq: b"%d" % seq) == b"1"
    assert spool.flush(5)
    assert [(row.epoch, row.seq) for row in spool.rows(Kind.VERDICT)] == [
        (epoch, 1),
        (epoch, 2),
        (epoch, 3),
        (spool.epoch, 1),
    ]
    spool.close()


def test_a_file_that_is_no_spool_is_set_aside(tmp_path: Path) -> None:
    """Garbage and a foreign database are kept for the operator, and the node starts anew with an alarm."""
    for name, content in (("garbage", b"garbage" * 1000), ("foreign", None)):
        path = tmp_path / name / "spool.sqlite"
        path.parent.mkdir()
        if content:
            path.write_bytes(content)
        else:
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE other (x)")
            connection.close()
        before = path.read_bytes()
        spool = Spool.open(path, SpoolConfig())
        assert [alarm.code for alarm in spool.alarms] == ["spool_damaged"]
        assert path.with_name("spool.sqlite.damaged-1").read_bytes() == before
        fill(spool, 1)
        spool.close()


def test_damaged_pages_at_twenty_random_places_lose_only_what_was_on_them(tmp_path: Path) -> None:
    """Whole rows of a damaged file survive unchanged, under their old numbers; never an altered one."""
    generator = random.Random(5)  # noqa: S311  places, not secrets
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 2000)
    epoch = spool.epoch
    spool.close()
    content = bytearray(path.read_bytes())
    pages = generator.sample(range(1, len(content) // 4096), 20)
    for page in pages:
        content[page * 4096 : (page + 1) * 4096] = generator.randbytes(4096)
    path.write_bytes(content)
    spool = Spool.open(path, SpoolConfig())
    rows = spool.rows(Kind.VERDICT, limit=10_000)
    assert [row.payload for row in rows] == [b"%d %s" % (row.seq, PADDING) for row in rows]
    assert {row.epoch for row in rows} == {epoch}
    assert len(rows) >= 2000 - 20 * 4  # three rows of a kilobyte share a page
    assert "spool_damaged" in [alarm.code for alarm in spool.alarms]
    assert spool.epoch != epoch
    spool.close()


def test_a_payload_that_changed_on_the_disk_is_quarantined_not_sent(tmp_path: Path) -> None:
    """SQLite has no checksums: a flipped bit inside a row is found by ours."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 10)
    spool.close()
    content = path.read_bytes()
    assert content.count(b"7 xxx") == 1
    path.write_bytes(content.replace(b"7 xxx", b"7 xyx"))
    spool = Spool.open(path, SpoolConfig())
    assert numbers(spool) == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    wait_for(lambda: spool.depth().quarantined == 1, what="quarantine")
    wait_for(lambda: spool.depth().waiting == 9, what="quarantine")
    assert "quarantine" in [alarm.code for alarm in spool.alarms]
    spool.close()


def test_a_file_that_is_damaged_while_running_is_replaced_and_numbers_go_on(tmp_path: Path) -> None:
    """Damage found in the middle of a mission costs the rows on the page, not the mission."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 3000)
    spool.close()
    spool = Spool.open(path, SpoolConfig())
    epoch = spool.epoch
    with path.open("r+b") as file:  # behind the back of the open file: what is cached is a few pages
        for page in range(40, 60):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    wait_for(lambda: len(numbers(spool)) > 2800, what="recovery")
    fill(spool, 1)
    rows = spool.rows(Kind.VERDICT, limit=10_000)
    assert rows[-1].seq == 3001
    assert spool.epoch == epoch
    assert [row.payload for row in rows] == [b"%d %s" % (row.seq, PADDING) for row in rows]
    assert "spool_damaged" in [alarm.code for alarm in spool.alarms]
    spool.close()


def test_what_is_refused_for_good_waits_in_quarantine(spool: Spool) -> None:
    """A refused row is out of the way of its neighbours, counted and alarmed, and kept."""
    fill(spool, 3)
    second = spool.rows(Kind.VERDICT)[1]
    ticket = spool.refuse(Refusal(second.position, 0x95, "packet too large"))
    wait_for(lambda: spool.settled >= ticket, what="quarantine")
    assert numbers(spool) == [1, 3]
    depth = spool.depth()
    assert (depth.waiting, depth.quarantined) == (2, 1)
    assert [alarm.code for alarm in depth.alarms] == ["quarantine"]


def test_clock_jumps_change_neither_order_nor_numbers(tmp_path: Path) -> None:
    """A day forth and two days back: rows stay in the order of appending, and no age is negative."""
    now_s = [1_800_000_000.0]
    spool = Spool(tmp_path / "spool.sqlite", SpoolConfig(), clock=lambda: now_s[0])
    spool.start()
    for jump_s in (0.0, 86_400.0, -172_800.0, 10.0):
        now_s[0] += jump_s
        fill(spool, 2)
    now_s[0] -= 1_000_000.0
    assert numbers(spool) == list(range(1, 9))
    assert spool.depth().oldest_age_s == 0.0
    spool.close()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A state folder that is a file, or missing under a file, is told by its name."""
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match=r"file/spool\.sqlite.*state_dir"):
        Spool.open(tmp_path / "file" / "spool.sqlite", SpoolConfig())


def test_a_spool_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """A downgrade must not set the queue of the newer version aside."""
    path = tmp_path / "spool.sqlite"
    Spool.open(path, SpoolConfig()).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SpoolError, match="format 99, this version reads 1"):
        Spool.open(path, SpoolConfig())
    assert not list(tmp_path.glob("*.damaged*"))


def test_command_ids_are_remembered_over_a_restart(tmp_path: Path) -> None:
    """A command that was taken before a restart cannot be replayed after it."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    spool.remember_nonce("abc", 4e9)
    fill(spool, 1)
    spool.close()
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    assert spool.taken_nonces == {"abc": 4e9}
    spool.close()
