"""A backup as a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_a_backup_says_what_it_holds(tmp_path: Path, act) -> None:
    """While a room writes; the answer for a program is the file that stands in the backup."""
    history = History(tmp_path / "room")
    history.add_verdict(verdict(1, "C"))
    code, out, _ = act("backup", tmp_path / "one")
    assert code == 0
    assert out.startswith(f"{tmp_path / 'one'}: 1 verdicts, ")
    code, out, _ = act("backup", tmp_path / "two", "--json")
    history.close()
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "two" / "backup.json").read_bytes())


def test_a_folder_that_is_no_rooms_is_named(tmp_path: Path, act) -> None:
    """One sentence, and no folder is made."""
    code, _, err = act("backup", tmp_path / "one")
    assert code == 1
    assert "start the control room once, or name its state_dir" in err
    assert not (tmp_path / "room").exists()
    assert not (tmp_path / "one").exists()
