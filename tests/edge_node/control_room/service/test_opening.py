"""A configuration tells where the history lies, and what commands for files say where it is on a server."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.sections import RoomConfig
from edge_node.control_room.service.opening import find_folder, find_place, is_there, open_history
from edge_node.errors import ConfigError
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace


def test_a_room_without_a_database_has_a_file(tmp_path: Path) -> None:
    """As in the versions before."""
    room = RoomConfig(state_dir=str(tmp_path / "room"))
    assert find_place(room) is None
    assert not is_there(room)
    with closing(open_history(room)) as history:
        history.add_verdict(verdict(1, "U"))
    assert is_there(room)
    assert find_folder(room, "") == tmp_path / "room"


def test_a_room_with_a_database_makes_no_file(tmp_path: Path, postgres_place: DatabasePlace) -> None:
    """A second process reads it, and commands that copy files name what does the same on a server."""
    room = RoomConfig(state_dir=str(tmp_path / "room"), database=postgres_place.url)
    with closing(open_history(room)) as history:
        history.add_verdict(verdict(1, "U"))
        with closing(open_history(room, read_only=True)) as reader:
            assert reader.count_verdicts() == 1
    assert not (tmp_path / "room").exists()
    with pytest.raises(ConfigError, match=r"on postgresql://.*not in a file: use pg_dump"):
        find_folder(room, "use pg_dump")
