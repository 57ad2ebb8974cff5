"""A history to report on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.cli.control_room import server
from edge_node.cli.framework import Subcommand, run_command
from tests.support.missions import open_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_node.control_room.history.history import History


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """Forty frames along four metres, ten of which never came and five could not be judged."""
    opened = open_history(tmp_path / "room")
    yield opened
    opened.close()


@pytest.fixture
def act(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run an action of ``edge-node control-room`` on a state folder; return its code, stdout and stderr."""

    def run_action(*words: object) -> tuple[int, str, str]:
        command = {"control-room": Subcommand(server.__name__, "")}
        argv = ["control-room", *map(str, words), "--state-dir", str(tmp_path / "room")]
        code = run_command("edge-node", "", command, argv)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_action
