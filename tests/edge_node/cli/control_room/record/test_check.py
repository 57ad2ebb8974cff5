"""A check as a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.damaged_histories import ROBOTS, VERDICTS, damage, fill

if TYPE_CHECKING:
    from pathlib import Path


def test_a_check_says_what_is_damaged_and_what_to_do(tmp_path: Path, act) -> None:
    """Exit code 1 and the next command, or 0 and what was read."""
    fill(tmp_path / "room")
    code, out, _ = act("check", "--json")
    assert code == 0
    assert json.loads(out)["checked"]["verdicts"] == ROBOTS * VERDICTS
    damage(tmp_path / "room", pages=6, seed=1)
    code, out, err = act("check")
    assert (code, out) == (1, "")
    assert "salvage" in err.splitlines()[-1]
    code, out, _ = act("check", "--json")
    assert code == 1
    assert json.loads(out)["problems"]
