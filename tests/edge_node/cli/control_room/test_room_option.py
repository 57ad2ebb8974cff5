"""Which control room a command means."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from edge_node.cli.control_room.room_option import (
    add_audit_options,
    add_room_options,
    find_audited,
    find_room,
    note_deed,
)
from edge_node.control_room.deeds import Deed
from edge_node.control_room.history.history import History

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


def test_a_deed_of_the_command_line_is_in_the_audit_of_a_room_that_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the account that did it; without a room nothing is made, and a damaged one is told."""
    note_deed(tmp_path, Deed.RETIRE, "quay/crawler-1")
    assert list(tmp_path.iterdir()) == []
    History(tmp_path).close()
    note_deed(tmp_path, Deed.BUNDLE, "quay/crawler-1", outcome="asked", text="steel 1.2")
    history = History(tmp_path, read_only=True)
    (entry,) = history.audit_entries(limit=9)
    history.close()
    assert (entry.action, entry.subject, entry.text) == (Deed.BUNDLE, "quay/crawler-1", "steel 1.2")
    assert (entry.origin, bool(entry.user)) == ("command_line", True)
    (tmp_path / "history.db").write_bytes(b"no database at all" * 100)
    note_deed(tmp_path, Deed.RETIRE, "quay/crawler-1")
    assert "not in the audit" in capsys.readouterr().err


def test_a_robot_without_a_room_needs_no_packages_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`edge-node retire` on a robot says nothing of a control room that is not there."""
    monkeypatch.setitem(sys.modules, "edge_node.control_room.people.audit", None)
    note_deed(tmp_path / "none", Deed.RETIRE, "quay/crawler-1")
    assert capsys.readouterr().err == ""


def test_the_audit_of_a_room_on_a_server_is_named_by_its_configuration(tmp_path: Path) -> None:
    """Its history is in no folder; without one, the folder of a room is named as ever."""
    parser = argparse.ArgumentParser()
    add_audit_options(parser)
    file = tmp_path / "room.toml"
    url = "postgresql+psycopg://room@db/room"
    file.write_text(f'[mqtt]\nhostname = "broker"\n[room]\ndatabase = "{url}"\n')
    assert find_audited(parser.parse_args(["--room-config", str(file)])).database == url
    assert find_audited(parser.parse_args(["--room-state-dir", "/x"])).state_dir == "/x"
