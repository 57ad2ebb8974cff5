"""Each member of a group runs once on a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.sharing.member_lock import MemberInUseError, MemberLock

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
