"""A backup is whole or is none; what is put back is what was backed up."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.recovery.backup import (
    BackupError,
    make_backup,
    read_backup,
    restore_backup,
)
from edge_node.control_room.history.recovery.room_lock import RoomInUseError, RoomLock
from tests.support.damaged_histories import damage, fill
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def _quietly(_step: str, _share: float) -> None:
    """Take progress, and tell nobody."""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A state folder with a few verdicts, users and sessions."""
    folder = tmp_path / "room"
    history = History(folder)
    for seq in range(1, 6):
        history.add_verdict(verdict(seq, "C"))
    history.close()
    for name in ("session.json", "users.json", "sessions.json"):
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def _count(folder: Path) -> int:
    history = History(folder, read_only=True)
    found = history.count_verdicts()
    history.close()
    return found


def test_a_room_is_backed_up_while_it_writes(room: Path, tmp_path: Path) -> None:
    """An open transaction is not in the copy; what was committed is, and nobody else may read it."""
    history = History(room)
    with history.transaction():
        history.add_verdict(verdict(6, "C"))
        record = make_backup(room, tmp_path / "backup", _quietly)
    history.close()
    assert record.checked["verdicts"] == _count(tmp_path / "backup") == 5
    assert set(record.files) == {NAME, "session.json", "users.json"}
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
    assert {stat.S_IMODE((tmp_path / "backup" / name).stat().st_mode) for name in record.files} == {0o600}


def test_what_is_put_back_is_what_was_backed_up(room: Path, tmp_path: Path) -> None:
    """The record of before is kept beside it; sessions that ended and users who went do not come back."""
    make_backup(room, tmp_path / "backup", _quietly)
    history = History(room)
    history.add_verdict(verdict(6, "C"))
    history.close()
    (room / "users.json").write_text("changed", encoding="utf-8")
    _, before = restore_backup(tmp_path / "backup", room)
    assert _count(room) == 5
    assert before is not None
    assert _count(before) == 6
    assert (room / "users.json").read_text(encoding="utf-8") == "changed"
    assert (before / "session.json").read_text(encoding="utf-8") == "session.json"


def test_a_backup_is_put_on_a_new_machine(room: Path, tmp_path: Path) -> None:
    """The state folder need not be there."""
    make_backup(room, tmp_path / "backup", _quietly)
    _, before = restore_backup(tmp_path / "backup", tmp_path / "elsewhere" / "room")
    assert before is None
    assert _count(tmp_path / "elsewhere" / "room") == 5
    assert (tmp_path / "elsewhere" / "room" / "users.json").read_text(encoding="utf-8") == "users.json"


def test_a_backup_of_before_there_were_users_opens_nothing(room: Path, tmp_path: Path) -> None:
    """A page that asks for a login goes on asking."""
    (room / "users.json").rename(tmp_path / "users.json")
    make_backup(room, tmp_path / "backup", _quietly)
    (tmp_path / "users.json").rename(room / "users.json")
    restore_backup(tmp_path / "backup", room)
    assert (room / "users.json").read_text(encoding="utf-8") == "users.json"


def test_a_changed_backup_is_refused_and_nothing_is_moved(room: Path, tmp_path: Path) -> None:
    """One byte is enough, and a name that leads elsewhere too."""
    make_backup(room, tmp_path / "backup", _quietly)
    path = tmp_path / "backup" / NAME
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match="damaged"):
        restore_backup(tmp_path / "backup", room)
    record = tmp_path / "backup" / "backup.json"
    record.write_text(record.read_text(encoding="utf-8").replace("users.json", "../x"), encoding="utf-8")
    with pytest.raises(BackupError, match="which no backup holds"):
        read_backup(tmp_path / "backup")
    assert _count(room) == 5
    assert not list(room.glob("before-restore-*"))


def test_a_damaged_history_is_not_backed_up(tmp_path: Path) -> None:
    """Whoever relies on backups must hear it on the day, not when one is needed."""
    fill(tmp_path / "room")
    damage(tmp_path / "room", pages=40, seed=1)
    with pytest.raises(BackupError, match="salvage"):
        make_backup(tmp_path / "room", tmp_path / "backup", _quietly)
    assert not (tmp_path / "backup").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["room"]


def test_what_is_there_is_not_overwritten(room: Path, tmp_path: Path) -> None:
    """A backup has a name of its own, and a room that runs is not replaced."""
    make_backup(room, tmp_path / "backup", _quietly)
    with pytest.raises(BackupError, match="is there already"):
        make_backup(room, tmp_path / "backup", _quietly)
    with pytest.raises(BackupError, match="not there"):
        make_backup(tmp_path / "nothing", tmp_path / "other", _quietly)
    with RoomLock(room), pytest.raises(RoomInUseError):
        restore_backup(tmp_path / "backup", room)
