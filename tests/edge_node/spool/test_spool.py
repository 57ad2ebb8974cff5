"""The spool: numbers without gaps, bounds, quarantine, and what outlives a restart or a kill."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import SpoolError
from edge_node.messages.topics import Kind
from edge_node.spool.rows import MAX_NONCES, Keep, Refusal
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for
from tests.support.spool_rows import fill, numbers

if TYPE_CHECKING:
    from pathlib import Path


SMALL = SpoolConfig(max_mb=1)


def test_numbers_count_per_kind_from_one_without_gaps(spool: Spool) -> None:
    """Each kind has numbers of its own, from 1, and rows come back in the order of appending."""
    fill(spool, 5)
    fill(spool, 3, kind=Kind.FINDING)
    fill(spool, 2)
    assert numbers(spool) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(spool, Kind.FINDING) == [1, 2, 3]


def test_each_start_counts_from_one_in_a_new_epoch_and_no_position_is_used_twice(tmp_path: Path) -> None:
    """An id is never given twice; rows that still wait keep theirs and come first."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 4)
    waiting = spool.rows(Kind.VERDICT)
    assert spool.settle(*(row.position for row in waiting[:2]), urgent=True) == 2
    epoch = spool.epoch
    spool.close()
    again = Spool.open(path, SpoolConfig())
    fill(again, 1)
    found = [(row.epoch, row.seq) for row in again.rows(Kind.VERDICT)]
    assert found == [(epoch, 3), (epoch, 4), (again.epoch, 1)]
    assert again.epoch != epoch
    assert again.rows(Kind.VERDICT)[-1].position > waiting[-1].position
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
    assert spool.chain.before.seq == 100
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


def test_verdicts_share_a_transaction_where_the_card_is_to_be_spared(tmp_path: Path) -> None:
    """They wait in memory, in order; what is not a verdict, a flush and the end do not wait."""
    path = tmp_path / "spool.sqlite"
    commits: list[int] = []
    with Spool.open(path, SpoolConfig(commit_interval_ms=5000)) as spool:
        spool.listen(lambda: commits.append(spool.arrivals))
        for _ in range(9):
            spool.append(Kind.VERDICT, lambda seq: b"%d" % seq)
        assert (spool.depth().in_memory, numbers(spool), commits) == (9, [], [])
        assert spool.depth().commit_interval_ms == 5000
        spool.append(Kind.FINDING, lambda seq: b"%d" % seq)
        wait_for(lambda: commits, 4, "the finding, and the verdicts before it")
        assert (numbers(spool), numbers(spool, Kind.FINDING)) == (list(range(1, 10)), [1])
        fill(spool, 2)
        wait_for(lambda: commits == [10, 12], what="one commit of both")
        spool.append(Kind.VERDICT, lambda seq: b"%d" % seq)
    with Spool.open(path, SpoolConfig()) as spool:
        assert numbers(spool) == list(range(1, 13))


def test_verdicts_wait_no_longer_than_they_are_told_to(tmp_path: Path) -> None:
    """Nobody asks for them, and yet they are on disk in a moment."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig(commit_interval_ms=100)) as spool:
        for _ in range(3):
            spool.append(Kind.VERDICT, lambda seq: b"%d" % seq)
        wait_for(lambda: numbers(spool) == [1, 2, 3], what="the commit")


def test_a_kill_costs_the_verdicts_that_waited_in_memory_and_breaks_no_chain(tmp_path: Path) -> None:
    """None of them was published, so the next epoch follows the last one that was on disk."""
    path = tmp_path / "spool.sqlite"
    program = (
        "import os, sys; from pathlib import Path; from edge_node.spool.spool import Spool\n"
        "from edge_node.messages.topics import Kind\n"
        "from edge_node.config.sections import SpoolConfig\n"
        "spool = Spool.open(Path(sys.argv[1]), SpoolConfig(commit_interval_ms=5000))\n"
        "append = lambda: spool.append(Kind.VERDICT, lambda seq: b'%d' % seq)\n"
        "[append() for _ in range(5)]\nassert spool.flush(10)\n"
        "[append() for _ in range(5)]\nos.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == -9
    with Spool.open(path, SpoolConfig()) as spool:
        assert numbers(spool) == [1, 2, 3, 4, 5]
        assert spool.chain.before.seq == 5


def test_what_a_broker_has_is_not_shown_while_its_deletion_waits_for_the_next_verdict(spool: Spool) -> None:
    """It is neither counted nor sent again over the next connection; a kill then may repeat it."""
    fill(spool, 3)
    first, second, _ = spool.rows(Kind.VERDICT)
    ticket = spool.settle(first.position, second.position)
    assert (numbers(spool), spool.depth().waiting) == ([3], 1)
    fill(spool, 1)
    assert spool.settled == ticket
    assert (numbers(spool), spool.depth().waiting) == ([3, 4], 2)
    spool.settle(*(row.position for row in spool.rows(Kind.VERDICT)))
    assert (spool.depth().waiting, spool.depth().oldest_age_s) == (0, None)


def test_clock_jumps_change_neither_order_nor_numbers(tmp_path: Path) -> None:
    """A day forth and two days back: rows stay in the order of appending, and no age is negative."""
    now_s = [1_800_000_000.0]
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig(), clock=lambda: now_s[0])
    for jump_s in (0.0, 86_400.0, -172_800.0, 10.0):
        now_s[0] += jump_s
        fill(spool, 2)
    now_s[0] -= 1_000_000.0
    assert numbers(spool) == list(range(1, 9))
    assert spool.depth().oldest_age_s == 0.0
    spool.close()


def test_command_ids_are_remembered_over_a_restart(tmp_path: Path) -> None:
    """A command that was taken before a restart cannot be replayed after it."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    spool.remember_nonce("abc", 4e9)
    fill(spool, 1)
    spool.close()
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    assert spool.taken_nonces == {"abc": 4e9}
    spool.close()


def test_command_ids_are_forgotten_by_the_floor_of_time_and_in_number(tmp_path: Path) -> None:
    """Not by the wall clock, which may go back; of too many the first to expire goes."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    for number in range(MAX_NONCES + 5):
        spool.remember_nonce(f"{number:08}", 1000.0 + number)
    assert spool.flush(5)
    fill(spool, 1)
    spool.close()
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    assert len(spool.taken_nonces) == MAX_NONCES
    assert min(spool.taken_nonces) == "00000005"
    spool.remember_nonce("late", 4e9, forget_before_s=1000.0 + MAX_NONCES)
    fill(spool, 1)
    spool.close()
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    assert len(spool.taken_nonces) == 6
    spool.close()
