"""Files of the package in a folder of a person's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.new_files import write_new_files
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_written_and_none_is_written_over(tmp_path: Path) -> None:
    """The folder is made; what is there already stays, and is named."""
    folder = tmp_path / "new" / "folder"
    assert write_new_files(folder, {"a": b"1", "b": b"2"}) == [folder / "a", folder / "b"]
    with pytest.raises(ConfigError, match="b: is there already; name another folder"):
        write_new_files(folder, {"b": b"3"})
    assert (folder / "b").read_bytes() == b"2"


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    """By its name, and what the system says of it."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file"):
        write_new_files(tmp_path / "file" / "folder", {"a": b"1"})
