"""The disk's budget: pure arithmetic, and the writers of a node on a small file system of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_node.commands.audit_files import AuditEntry, AuditFiles
from edge_node.config.delivery_sections import EvidenceConfig, SpoolConfig
from edge_node.config.sections import FindingsConfig
from edge_node.disk_budget import DiskBudget, FileSystem, Worth, measure
from edge_node.evidence.store import EvidenceStore
from edge_node.findings.log import FindingLog
from edge_node.messages.status import PartState
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import EvidenceReason
from edge_node.spool.files import SharedDisk
from edge_node.spool.rows import Keep
from edge_node.spool.spool import Spool
from tests.support.full_disk import hog, small_disk
from tests.support.verdicts import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOISE = np.random.default_rng(11)
MB = 1_000_000
CORRODED = (EvidenceReason.CORRODED,)
SAMPLE = (EvidenceReason.SAMPLE,)


class Shelf:
    """A holder that gives what it has, and notes that it was asked."""

    def __init__(self, held_bytes: int) -> None:
        self.held_bytes = held_bytes
        self.asked: list[tuple[int, int]] = []

    def give_way(self, need_bytes: int, need_files: int) -> int:
        """Give up to so much."""
        self.asked.append((need_bytes, need_files))
        freed = min(self.held_bytes, need_bytes)
        self.held_bytes -= freed
        return freed


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    yield from small_disk(tmp_path / "disk", "size=24m")


@pytest.fixture
def few_names(tmp_path: Path) -> Iterator[Path]:
    """A file system with 120 names."""
    yield from small_disk(tmp_path / "disk", "size=24m,nr_inodes=120")


def picture() -> np.ndarray:
    """A picture of some 200 kB."""
    return NOISE.integers(0, 255, (400, 500, 3), dtype=np.uint8)


def append(spool: Spool, count: int) -> None:
    """Append verdicts of uncorroded metal, the first to be given up."""
    for _ in range(count):
        spool.append(Kind.VERDICT, lambda seq: b"%d %s" % (seq, b"x" * 2000), keep=Keep.LOW)


def lost(spool: Spool) -> int:
    """Return how many verdicts were given up."""
    depth = spool.depth()
    return depth.dropped + depth.refused


def test_the_order_of_worth_decides_what_must_stay_free() -> None:
    """A picture stays off the floor, a download off its half; audit and verdicts may use the last byte."""
    space = FileSystem(device=1, total_bytes=80 * MB, free_bytes=12 * MB, free_files=70)
    assert space.floor_bytes == 10 * MB
    needed = {worth: space.missing_bytes(worth, 3 * MB) for worth in Worth}
    assert needed == {Worth.DOWNLOAD: 0, Worth.PICTURE: MB, Worth.AUDIT: 0, Worth.RECORD: 0}
    assert space.missing_bytes(Worth.RECORD, 13 * MB) == MB
    assert [space.missing_files(worth, 7) for worth in Worth] == [1, 1, 0, 0]
    endless = FileSystem(device=1, total_bytes=10**15, free_bytes=10**14, free_files=None)
    assert (endless.floor_bytes, endless.missing_files(Worth.PICTURE, 10**6)) == (64 * MB, 0)


def test_the_least_worth_on_the_same_disk_gives_way_first(tmp_path: Path) -> None:
    """Downloads before pictures, nobody of more worth, and nobody on another file system."""
    spaces = {"a": FileSystem(1, 80 * MB, MB, 1000), "b": FileSystem(2, 80 * MB, MB, 1000)}
    budget = DiskBudget(lambda folder: spaces[folder.name])
    download, pictures, elsewhere, audit = Shelf(2 * MB), Shelf(9 * MB), Shelf(9 * MB), Shelf(9 * MB)
    budget.register(Worth.PICTURE, tmp_path / "a", pictures)
    budget.register(Worth.DOWNLOAD, tmp_path / "a", download)
    budget.register(Worth.AUDIT, tmp_path / "a", audit)
    budget.register(Worth.PICTURE, tmp_path / "b", elsewhere)
    assert budget.reclaimable_bytes(Worth.AUDIT, tmp_path / "a") == 11 * MB
    budget.make_room(Worth.AUDIT, tmp_path / "a", MB)
    assert download.asked == []
    budget.make_room(Worth.AUDIT, tmp_path / "a", 6 * MB)
    assert (download.asked, pictures.asked) == ([(5 * MB, 0)], [(3 * MB, 0)])
    assert budget.allows(Worth.PICTURE, tmp_path / "a", 1) is False
    assert budget.allows(Worth.RECORD, tmp_path / "a", MB) is True
    assert (audit.asked, elsewhere.asked) == ([], [])


def test_no_verdict_is_given_up_while_a_picture_could_go(disk: Path) -> None:
    """Pictures of the default bound share 24 MB with a spool that nobody empties: the pictures go."""
    budget = DiskBudget()
    evidence = EvidenceStore(disk / "evidence", EvidenceConfig(), budget)
    with Spool.open(disk / "spool.sqlite", SpoolConfig(), SharedDisk(budget=budget)) as spool:
        for number in range(60):  # 12 MB of pictures, 8 MB of reserve, 6 MB of verdicts
            evidence.keep(picture(), CORRODED if number % 2 == 0 else SAMPLE)
            append(spool, 50)
            assert spool.flush(10)
        assert evidence.part.state is PartState.FAILING
        assert "short of space" in evidence.part.text
        while True:
            append(spool, 100)
            assert spool.flush(10)
            if not (held_bytes := evidence.held_bytes):  # the last went for these, and may not have sufficed
                break
            assert lost(spool) == 0, f"{held_bytes} bytes of pictures were left"
        assert spool.depth().waiting > 3000
        append(spool, 8000)
        spool.flush(10)
        assert lost(spool) > 0  # now there is nothing else that could go


def test_pictures_go_when_another_program_fills_the_disk(disk: Path) -> None:
    """Verdicts, findings and audit are written; new pictures are refused, until the other has gone."""
    budget = DiskBudget()
    evidence = EvidenceStore(disk / "evidence", EvidenceConfig(), budget)
    assert all(evidence.keep(picture(), CORRODED) for _ in range(50))
    with Spool.open(disk / "spool.sqlite", SpoolConfig(), SharedDisk(budget=budget)) as spool:
        audit, findings = (
            AuditFiles(disk / "audit", budget=budget),
            FindingLog(FindingsConfig(), disk, spool, budget),
        )
        other = hog(disk)
        append(spool, 500)
        assert spool.flush(10)
        assert lost(spool) == 0
        assert not [alarm for alarm in spool.alarms if alarm.code.startswith("disk")]
        hog(disk)
        assert audit.write(AuditEntry(at=START, event="taken", verb="ping"))
        findings.close()
        assert (disk / "findings.json").exists()
        assert audit.alarms + findings.alarms == ()
        hog(disk)
        while evidence.held_bytes:
            evidence.look()
            hog(disk)
        assert evidence.keep(picture(), CORRODED) is None
        assert [alarm.code for alarm in evidence.alarms] == ["evidence_lost"]
        other.unlink()
        assert evidence.keep(picture(), CORRODED)


def test_pictures_never_take_the_last_names_of_a_file_system(few_names: Path) -> None:
    """With few inodes the oldest pictures go, so that verdicts and state files find a name."""
    budget = DiskBudget()
    evidence = EvidenceStore(few_names / "evidence", EvidenceConfig(), budget)
    kept = [evidence.keep(picture()[:40, :50], CORRODED) for _ in range(150)]
    assert all(kept)
    assert measure(few_names).free_files >= 60
    for number in range(100):  # another program
        try:
            (few_names / f"name{number}").touch()
        except OSError:
            break
    budget.make_room(Worth.RECORD, few_names, MB, need_files=8)
    with Spool.open(few_names / "spool.sqlite", SpoolConfig(), SharedDisk(budget=budget)) as spool:
        append(spool, 100)
        assert spool.flush(10)
        assert lost(spool) == 0


def test_verdicts_may_have_the_oldest_commands_and_no_review(disk: Path) -> None:
    """Of the audit the rotated file of commands goes before a verdict is given up; reviews stay."""
    budget = DiskBudget()
    audit = AuditFiles(disk / "audit", max_file_bytes=200_000, budget=budget)
    for verb in ("review", "ping"):
        for _ in range(300):
            assert audit.write(AuditEntry(at=START, event="taken", verb=verb, text="x" * 1000))
    assert budget.reclaimable_bytes(Worth.RECORD, disk) > 100_000
    assert budget.reclaimable_bytes(Worth.AUDIT, disk) == 0
    hog(disk)
    budget.make_room(Worth.RECORD, disk, 50_000)
    assert measure(disk).free_bytes >= 50_000
    assert sorted(path.name for path in (disk / "audit").iterdir()) == [
        "commands.jsonl",
        "reviews.jsonl",
        "reviews.jsonl.1",
    ]
