"""One process uses a state folder at a time, and one that was killed holds nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.recovery.room_lock import RoomInUseError, RoomLock

if TYPE_CHECKING:
    from pathlib import Path

_HOLD = """
import sys, time
from pathlib import Path
from edge_node.control_room.history.recovery.room_lock import RoomLock
lock = RoomLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """A room that was killed is no reason to refuse the next."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RoomInUseError, match="a control room runs on it"):
            RoomLock(tmp_path)
        holder.kill()
        holder.wait()
        with RoomLock(tmp_path):
            pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in its place gives a sentence."""
    (tmp_path / "room").write_text("a file", encoding="utf-8")
    with pytest.raises(RoomInUseError, match="wanted a folder to write in"):
        RoomLock(tmp_path / "room")
