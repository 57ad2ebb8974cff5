"""``control-room ingest``: what it refuses before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.cli.control_room import server
from edge_node.cli.framework import Subcommand, run_command

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL = '[mqtt]\nhostname = "127.0.0.1"\n[room]\nstate_dir = "{}/state"\n'


def run(*words: object) -> int:
    """Run ``edge-node control-room`` with these words."""
    argv = ["control-room", *map(str, words)]
    return run_command("edge-node", "", {"control-room": Subcommand(server.__name__, "")}, argv)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ingest", "--share", "hall"), "wanted --config FILE"),
        (("ingest", "--config", "{}/room.toml"), "wanted --share GROUP"),
        (("ingest", "--share", "a/b", "--config", "{}/room.toml"), "--share 'a/b': wanted up to 32 letters"),
        (("ingest", "--share", "hall", "--config", "{}/room.toml"), "an SQLite file, which serves one"),
        (("ingest", "--share", "hall", "--drain", "--config", "{}/room.toml"), "an SQLite file"),
        (("web", "--config", "{}/room.toml"), "an SQLite file, which serves one process"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    """Exit code 78, and no file is made: several processes on an SQLite file would wait for each other."""
    (tmp_path / "room.toml").write_text(MINIMAL.format(tmp_path))
    assert run(*(word.format(tmp_path) for word in words)) == 78
    assert said in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
