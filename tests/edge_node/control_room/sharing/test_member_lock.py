"""Each member of a group runs once on a machine."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.roll import RoomProcess, note_process
from edge_node.control_room.sharing.member_lock import (
    MemberInUseError,
    MemberLock,
    refuse_member_elsewhere,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_process_is_refused_and_other_numbers_and_groups_are_not(tmp_path: Path) -> None:
    """The sentence names the member; when the first one ends the number is free."""
    with (
        MemberLock(tmp_path, "hall", 1),
        MemberLock(tmp_path, "hall", 2),
        MemberLock(tmp_path, "yard", 1),
        pytest.raises(MemberInUseError, match="member 1 of group hall runs already"),
    ):
        MemberLock(tmp_path, "hall", 1)
    with MemberLock(tmp_path, "hall", 1):
        pass


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """One sentence with the path."""
    with pytest.raises(MemberInUseError, match="wanted a folder to write in"):
        MemberLock(tmp_path / "missing", "hall", 1)


def test_a_member_that_runs_on_another_machine_is_refused_and_a_dead_one_or_one_of_here_is_not(
    tmp_path: Path,
) -> None:
    """Only a row that moves is of a living process; of this machine the lock tells."""
    history = History(tmp_path)
    process = RoomProcess("ingest-1", "far:1", "connected", datetime.now(timezone.utc))
    refuse_member_elsewhere(history.database, "ingest-1", "here", patience_s=0.2)
    note_process(history.database, process, 1)
    refuse_member_elsewhere(history.database, "ingest-1", "here", patience_s=0.2)
    ended = threading.Event()

    def live() -> None:
        beat = 1
        while not ended.wait(0.02):
            beat += 1
            note_process(history.database, process, beat)

    thread = threading.Thread(target=live)
    thread.start()
    refuse_member_elsewhere(history.database, "ingest-1", "far", patience_s=0.2)
    refuse_member_elsewhere(history.database, "ingest-2", "here", patience_s=0.2)
    with pytest.raises(MemberInUseError, match=r"ingest-1 runs already, at far:1; give each .* --member"):
        refuse_member_elsewhere(history.database, "ingest-1", "here")
    ended.set()
    thread.join()
    history.close()
