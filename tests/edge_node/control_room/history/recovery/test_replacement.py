"""A record is replaced whole or not at all, whenever the process that does it is killed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.recovery.backup import make_backup, restore_backup
from edge_node.control_room.history.recovery.history_check import check_history
from edge_node.control_room.history.recovery.replacement import PLAN_NAME, ReplacementError, give_to_owner
from edge_node.control_room.history.recovery.room_lock import RoomLock
from edge_node.control_room.history.recovery.salvage import salvage
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BEFORE, BACKED_UP = 7, 5  # verdicts
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.chmod")


def _quietly(_step: str, _share: float) -> None:
    """Take progress, and tell nobody."""


def _run(work: Callable[[], object], *, kill_at: int | None = None) -> int:
    """Run in a process of its own, which is killed before its change of so many; return how it ended."""
    child = os.fork()
    if child == 0:
        left = [kill_at]

        def watch(event: str, _arguments: object) -> None:
            if event in _CHANGES and left[0] is not None:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A state folder whose last verdicts are in the write-ahead log alone, and a backup of before these."""
    folder = tmp_path / "room"
    history = History(folder)
    for seq in range(1, BACKED_UP + 1):
        history.add_verdict(verdict(seq, "C"))
    history.close()
    make_backup(folder, tmp_path / "backup", _quietly)

    def write() -> None:
        history = History(folder)
        for seq in range(BACKED_UP + 1, BEFORE + 1):
            history.add_verdict(verdict(seq, "C"))
        os._exit(0)  # as a room that is killed

    _run(write)
    assert (folder / f"{NAME}-wal").stat().st_size
    return folder


def _count(folder: Path) -> int:
    with closing(sqlite3.connect(folder / NAME)) as connection:
        return connection.execute("SELECT count(*) FROM verdict").fetchone()[0]


@pytest.mark.parametrize("command", ["restore", "salvage"])
def test_a_kill_at_any_moment_loses_neither_record(room: Path, tmp_path: Path, command: str) -> None:
    """The next start finds the old one or the new one, the other lies beside it, and no work is left over."""
    seen, ended, at = set(), signal.SIGKILL, 0
    while ended:
        tried = shutil.copytree(room, tmp_path / f"tried{at}")

        def work(folder: Path = tried) -> object:
            if command == "restore":
                return restore_backup(tmp_path / "backup", folder)
            return salvage(folder, None, _quietly)

        ended = _run(work, kill_at=at)
        if not (tried / NAME).exists():
            assert "was cut off" in check_history(tried, _quietly).problems[0]
            if command == "salvage":
                work()  # once more, and not refused
        with RoomLock(tried):
            aside = [*tried.glob("before-restore-*/history.db"), *tried.glob("damaged-*/history.db")]
            assert not [path.name for path in tried.iterdir() if path.name.startswith(".record")]
            assert not (tried / PLAN_NAME).exists()
            if aside:
                assert max(_count(path.parent) for path in aside) == BEFORE
                assert _count(tried) == (BACKED_UP if command == "restore" else BEFORE)
            else:
                assert _count(tried) == BEFORE
            seen.add(bool(aside))
        shutil.rmtree(tried)
        at += 1
    assert seen == {False, True}
    assert at > 5


@pytest.mark.parametrize("plan", ["{", '{"new": "../x", "aside": "", "away": [], "files": ["history.db"]}'])
def test_a_plan_that_is_none_moves_nothing_and_is_told(room: Path, plan: str) -> None:
    """It may have been written by whoever wants root to move a file."""
    (room / PLAN_NAME).write_text(plan, encoding="utf-8")
    with pytest.raises(ReplacementError, match="was being replaced"), RoomLock(room):
        pass
    assert _count(room) == BEFORE


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_what_root_puts_back_is_the_services(room: Path, tmp_path: Path) -> None:
    """Who runs the command by sudo must not keep the service from its own history."""
    os.chown(room, 65534, 65534)
    _, before = restore_backup(tmp_path / "backup", room)
    assert before is not None
    for path in (room / NAME, room / "room.lock", before):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)
    (tmp_path / "mine").touch()
    (room / "link").symlink_to(tmp_path / "mine")
    give_to_owner(room / "link", room)
    assert (tmp_path / "mine").stat().st_uid == 0
