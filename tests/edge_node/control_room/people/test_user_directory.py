"""Users as their file has them now."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.people.roles import Role
from edge_node.control_room.people.user_directory import UserDirectory
from edge_node.control_room.people.user_file import UserFile
from edge_node.errors import ConfigError
from tests.support.room_app import QUICK_HASH

if TYPE_CHECKING:
    from pathlib import Path


def test_a_change_of_the_file_is_noticed_and_a_damaged_one_changes_nothing(tmp_path: Path) -> None:
    """Nobody is locked out by a slip of the hand, and nobody let in by a file that vanished."""
    users = UserFile(tmp_path / "users.json")
    directory = UserDirectory(users.path, must_exist=False)
    assert not directory.is_used
    users.add_user("Ada", Role.VIEWER, QUICK_HASH)
    token = users.add_token("importer", Role.VIEWER)
    directory.refresh()
    assert directory.is_used
    assert directory.find_user("aDA") == directory.users()[0]
    assert directory.find_token(token) == directory.tokens()[0]
    assert directory.find_token("another") is None
    good = users.path.read_bytes()
    users.path.write_bytes(b"{")
    directory.refresh()
    assert directory.find_user("ada") is not None
    users.path.write_bytes(good)
    users.path.chmod(0o644)
    directory.refresh()
    assert directory.find_user("ada") is not None
    users.path.unlink()
    directory.refresh()
    assert (directory.find_user("ada"), directory.is_used) == (None, True)


def test_a_file_that_could_not_be_read_for_a_moment_is_read_again(tmp_path: Path) -> None:
    """A user who is removed while the machine has no descriptor left is removed a second later."""
    users = UserFile(tmp_path / "users.json")
    users.add_user("Ada", Role.VIEWER, QUICK_HASH)
    directory = UserDirectory(users.path, must_exist=False)
    users.remove_user("Ada")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        directory.refresh()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert directory.find_user("ada") is not None
    directory.refresh()
    assert directory.find_user("ada") is None


def test_a_configured_file_must_be_there(tmp_path: Path) -> None:
    """With the command that makes it."""
    with pytest.raises(ConfigError, match="user add"):
        UserDirectory(tmp_path / "users.json", must_exist=True)
