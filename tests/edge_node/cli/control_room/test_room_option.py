"""Which control room a command means."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edge_node.cli.control_room.room_option import add_room_options, find_room

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_options_may_stand_before_or_behind_the_action(tmp_path: Path) -> None:
    """``control-room --state-dir DIR user list`` is ``control-room user list --state-dir DIR``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state-dir")
    parser.add_argument("--config")
    add_room_options(parser.add_subparsers(dest="action").add_parser("list"))
    for words in (["--state-dir", str(tmp_path), "list"], ["list", "--state-dir", str(tmp_path)]):
        assert find_room(parser.parse_args(words)).room.state_dir == str(tmp_path)


def test_without_options_it_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `edge-node control-room --broker` uses it, where no service has one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found = find_room(argparse.Namespace(config=None, state_dir=None)).room.state_dir
    assert found in (str(tmp_path / "corrosion-room"), "/var/lib/corrosion-room")
