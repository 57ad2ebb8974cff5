"""Putting a backup back as a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_a_restore_says_where_the_record_of_before_is(tmp_path: Path, act) -> None:
    """For a person and for a program."""
    history = History(tmp_path / "room")
    history.add_verdict(verdict(1, "C"))
    history.close()
    act("backup", tmp_path / "backup")
    code, out, _ = act("restore", tmp_path / "backup")
    assert code == 0
    assert "what was there before: " in out
    code, out, _ = act("restore", tmp_path / "backup", "--json")
    done = json.loads(out)
    assert code == 0
    assert done["backup"]["checked"]["verdicts"] == 1
    assert "before-restore-" in done["before"]


def test_what_is_no_backup_is_refused(tmp_path: Path, act) -> None:
    """One sentence that says what is wanted, and no folder is made."""
    code, _, err = act("restore", tmp_path / "none")
    assert code == 1
    assert "wanted a folder that `control-room backup` made" in err
    assert not (tmp_path / "room").exists()
