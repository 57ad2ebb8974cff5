"""What a damaged history still holds is kept, what is lost is counted, and nothing that is wrong is kept."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.recovery.backup import make_backup
from edge_node.control_room.history.recovery.history_check import check_history
from edge_node.control_room.history.recovery.room_lock import RoomInUseError, RoomLock
from edge_node.control_room.history.recovery.salvage import salvage
from edge_node.control_room.history.recovery.whole_file import WholeFileError
from tests.support.damaged_histories import FINDINGS, PICTURES, ROBOTS, VERDICTS, damage, fill
from tests.support.full_disk import small_disk
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = 10  # of about 390, so that each seed meets a verdict


def _quietly(_step: str, _rows: int) -> None:
    """Take progress, and tell nobody."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a room with three robots."""
    folder = tmp_path_factory.mktemp("whole")
    fill(folder)
    return folder


@pytest.fixture
def room(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    return shutil.copytree(whole, tmp_path / "room")


def _stored(folder: Path) -> set[str]:
    history = History(folder, read_only=True)
    found = {record.verdict.id for record in history.verdicts(limit=100_000)}
    history.close()
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_verdict_is_kept_or_counted_as_lost(whole: Path, room: Path, seed: int) -> None:
    """Pages of noise: kept and lost make up the whole, and the new history is sound."""
    damage(room, pages=PAGES, seed=seed)
    assert check_history(room, _quietly).problems
    done = salvage(room, None, _quietly)
    assert check_history(room, _quietly).problems == []
    kept = _stored(room)
    lost = {
        f"{one.robot}:{one.epoch}:{seq}"
        for one in done.lost
        for first, last in one.ranges
        for seq in range(first, last + 1)
    }
    assert kept | lost == _stored(whole)
    assert not kept & lost
    assert len(lost) == done.lost_verdicts > 0
    assert (room / done.damaged / NAME).is_file()


def test_what_is_lost_may_come_again(room: Path) -> None:
    """A robot that still holds a lost verdict sends it again: it is new, not a duplicate."""
    damage(room, pages=PAGES, seed=1)
    done = salvage(room, None, _quietly)
    one = done.lost[0]
    seq = one.ranges[0][0]
    history = History(room)
    gaps = {(gap.robot, gap.first_seq) for gap in history.gaps()}
    assert (one.robot, seq) in gaps
    again = verdict(seq, "U", robot=one.robot, id=f"{one.robot}:{one.epoch}:{seq}")
    assert history.add_verdict(again) is True
    history.close()


def test_a_history_without_its_first_page_keeps_nearly_all(room: Path) -> None:
    """Page 1 names the tables: without it the rows themselves tell which table they are of."""
    content = bytearray((room / NAME).read_bytes())
    content[:4096] = bytes(4096)
    (room / NAME).write_bytes(content)
    done = salvage(room, None, _quietly)
    assert done.kept["verdict"] == ROBOTS * VERDICTS
    assert done.kept["finding"] == ROBOTS * FINDINGS
    assert done.kept["picture"] == ROBOTS * PICTURES
    assert done.kept["review"] == ROBOTS * FINDINGS


def test_half_a_file_gives_what_it_holds(room: Path, tmp_path: Path) -> None:
    """A copy that was cut off gives the rows of its pages; with a target the old file stays where it is."""
    content = (room / NAME).read_bytes()
    (room / NAME).write_bytes(content[: len(content) // 2])
    done = salvage(room, tmp_path / "new", _quietly)
    assert 0 < done.kept["verdict"] < ROBOTS * VERDICTS
    assert done.damaged is None
    assert len(_stored(tmp_path / "new")) == done.kept["verdict"]
    assert (room / NAME).read_bytes() == content[: len(content) // 2]


def test_a_whole_history_loses_nothing(whole: Path, room: Path) -> None:
    """Counters, reviews, hashes and what a shadow said come through a salvage as they are."""
    done = salvage(room, None, _quietly)
    assert (done.lost, done.unreadable) == ([], {})
    before, after = History(whole, read_only=True), History(room, read_only=True)
    assert after.robots() == before.robots()
    assert after.verdicts(limit=5) == before.verdicts(limit=5)
    assert after.reviews(limit=1000) == before.reviews(limit=1000)
    before.close()
    after.close()


@pytest.mark.parametrize(
    "content", [b"", b"hello world\n" * 1000, bytes(40960)], ids=["empty", "text", "zeros"]
)
def test_a_file_without_rows_is_left_as_it_is(room: Path, content: bytes) -> None:
    """Where nothing can be found nothing is replaced."""
    (room / NAME).write_bytes(content)
    with pytest.raises(WholeFileError, match=r"no row|empty"):
        salvage(room, None, _quietly)
    assert (room / NAME).read_bytes() == content
    assert not list(room.glob("damaged-*"))


def test_nothing_is_salvaged_beside_a_running_room(room: Path) -> None:
    """A room that runs would go on writing into the file that is moved away."""
    with RoomLock(room), pytest.raises(RoomInUseError, match="stop it first"):
        salvage(room, None, _quietly)


def test_a_number_that_its_message_contradicts_is_lost(room: Path) -> None:
    """One flipped bit would else make of a verdict one that never was."""
    content = bytearray((room / NAME).read_bytes())
    for name in (b"crawler-1:epoch1:17", b"crawler-1:epoch1:f17"):
        content = content.replace(name + b'"', name[:-2] + b'97"')
    content = content.replace(b'"seq":17,', b'"seq":97,')
    (room / NAME).write_bytes(content)
    done = salvage(room, None, _quietly)
    assert check_history(room, _quietly).problems == []
    assert [(one.robot, one.ranges) for one in done.lost if one.robot == "crawler-1"] == [
        ("crawler-1", [(17, 17)])
    ]
    assert done.unreadable["finding"] == 1


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    yield from small_disk(tmp_path / "disk", "size=8m")


def test_a_disk_that_takes_nothing_any_more_is_read(whole: Path, tmp_path: Path, disk: Path) -> None:
    """As one is after errors, or a backup on a medium: what only reads, and a salvage to elsewhere, go on."""
    shutil.copytree(whole, disk / "room")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert check_history(disk / "room", _quietly).problems == []
    assert make_backup(disk / "room", tmp_path / "backup", _quietly).checked["verdicts"] == ROBOTS * VERDICTS
    done = salvage(disk / "room", tmp_path / "new", _quietly)
    assert (done.kept["verdict"], done.damaged) == (ROBOTS * VERDICTS, None)
    with pytest.raises(RoomInUseError, match="Read-only"):
        salvage(disk / "room", None, _quietly)
