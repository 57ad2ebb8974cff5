"""``converter data`` as a person types it."""

from __future__ import annotations

import pytest

from converter.cli.main import COMMANDS
from edge_node.cli.framework import run_command


def test_errors_are_one_sentence(tmp_path, capsys):
    """An import of nothing ends with code 1, and no action with the usage."""
    words = ["data", "import", str(tmp_path / "none"), str(tmp_path / "out")]
    assert run_command("converter", "", COMMANDS, words) == 1
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit):
        run_command("converter", "", COMMANDS, ["data"])
    assert "ACTION" in capsys.readouterr().err
