"""Deeds of the audit are known where no database of the room's is."""

from __future__ import annotations

import subprocess
import sys

from edge_node.control_room.deeds import Deed


def test_a_command_of_the_robots_names_them_without_a_database_library() -> None:
    """``bundle send`` stands beside ``bundle verify``, which every robot has."""
    code = "import sys; sys.modules['sqlalchemy'] = None; import edge_node.cli.control_room.bundle_send"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_each_deed_has_a_word_of_its_own() -> None:
    """The audit keeps the word."""
    assert len({deed.value for deed in Deed}) == len(Deed)
