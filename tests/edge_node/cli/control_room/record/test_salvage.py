"""Salvaging a damaged history as a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import NAME
from tests.support.damaged_histories import ROBOTS, VERDICTS, damage, fill

if TYPE_CHECKING:
    from pathlib import Path


def test_kept_and_lost_are_told(tmp_path: Path, act) -> None:
    """A person reads which robot lacks which numbers and where the damaged file is; a program all of it."""
    fill(tmp_path / "room")
    damage(tmp_path / "room", pages=6, seed=1)
    code, out, _ = act("salvage", "--to", tmp_path / "new", "--json")
    done = json.loads(out)
    assert code == 0
    assert done["kept"]["verdict"] + sum(one["verdicts"] for one in done["lost"]) == ROBOTS * VERDICTS
    _, out, _ = act("salvage")
    lines = out.splitlines()
    assert lines[0].startswith(str(tmp_path / "room" / NAME))
    assert lines[1].startswith("lost: ")
    assert "quay/crawler-" in lines[2]
    assert "damaged-" in lines[-1]


def test_a_folder_that_is_no_rooms_is_named(tmp_path: Path, act) -> None:
    """One sentence, and no folder is made."""
    code, _, err = act("salvage")
    assert code == 1
    assert "start the control room once, or name its state_dir" in err
    assert not (tmp_path / "room").exists()
