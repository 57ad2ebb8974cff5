"""What sends to robots: all of it, or nothing where the configuration forbids commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.service.robot_desks import RobotDesks, open_desks
from edge_node.control_room.settings import build_settings
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def open_with(folder: Path, **commands: object) -> RobotDesks:
    """Return the desks of a room with these keys of ``[commands]``, after their end."""
    settings = build_settings(
        {"hostname": "127.0.0.1", "port": 1}, room={"state_dir": str(folder)}, commands=commands
    )
    history = History(folder)
    try:
        endpoint = Ingest(settings, history, folder).endpoint()
        with open_desks(settings, endpoint, history, lambda *_: None, lambda *_: None) as desks:
            return desks
    finally:
        history.close()


def test_reviews_commands_and_updates_come_together(tmp_path: Path) -> None:
    """A page that may command can review and update too, by one key and one connection's credentials."""
    desks = open_with(tmp_path)
    assert None not in desks


def test_a_room_without_commands_sends_nothing(tmp_path: Path) -> None:
    """There is nothing that could."""
    assert open_with(tmp_path, enabled=False) == RobotDesks(None, None, None)


def test_a_key_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    """Not when a person has already reviewed something."""
    key = tmp_path / "commands.pem"
    key.write_text("no key", encoding="utf-8")
    with pytest.raises(ConfigError, match="key_file"):
        open_with(tmp_path, key_file=str(key))
