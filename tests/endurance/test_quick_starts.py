"""The README's quick starts are short and begin from nothing; lines without network or training are run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tests.endurance.debian_roots import REPOSITORY
from tests.endurance.quick_starts import STARTS, downloaded_mb, ended_by_signal, quick_start_lines
from tests.support.subcommands import command_here

if TYPE_CHECKING:
    from pathlib import Path

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
LINES = 10
PROGRAMS = {"edge-node": "edge_node.cli.main", "converter": "converter.cli.main"}
RUN_HERE = {  # beginnings of lines that are run by the suite: what they print
    "edge-node init --site": "node.toml",
    "edge-node check-config": "good",
    "converter example": "specimens_cascade.toml",
}


@pytest.mark.parametrize("name", STARTS)
def test_a_quick_start_is_short_and_begins_from_nothing(name: str) -> None:
    """At most ten lines; the first makes a virtual environment, and the first or second installs."""
    lines = quick_start_lines(README, name)
    assert 1 <= len(lines) <= LINES
    assert lines[0].startswith("python3 -m venv ")
    assert "pip install '." in lines[0] + lines[min(1, len(lines) - 1)]


def test_lines_that_need_no_network_run_word_for_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration that is written is good, and the recipe lies where the next line looks for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    lines = [line for name in ("engineer", "operator") for line in quick_start_lines(README, name)]
    ran = []
    for line in lines:
        if beginning := next((one for one in RUN_HERE if line.startswith(one)), None):
            program, *words = shlex.split(line, comments=True)
            ended = command_here(PROGRAMS[program], *words)
            assert ended.returncode == 0, ended.stderr
            assert RUN_HERE[beginning] in ended.stdout + ended.stderr
            ran.append(beginning)
    assert sorted(ran) == sorted(RUN_HERE)
    assert (tmp_path / "specimens_cascade.toml").is_file()


def test_only_what_goes_on_until_ctrl_c_gets_a_signal() -> None:
    """Comments fall away there, and commands before it are left as they are."""
    assert ended_by_signal("edge-node run --config node.toml    # Ctrl-C ends it") == (
        "timeout --signal=INT 15 edge-node run --config node.toml",
        "SIGINT: stopping",
        15,
    )
    assert ended_by_signal("a && .venv/bin/edge-node control-room --demo")[0] == (
        "a && timeout --signal=INT 60 .venv/bin/edge-node control-room --demo"
    )
    assert ended_by_signal("edge-node mission list  # who") == ("edge-node mission list  # who", "", 0)


def test_what_pip_downloads_is_added_up() -> None:
    """In each of its units; what it only builds or finds is not counted."""
    said = "  Downloading a-1.whl (1.5 MB)\nDownloading b-2.tar.gz (500 kB)\nUsing cached c.whl (9 MB)\n"
    assert downloaded_mb(said) == pytest.approx(2.0)
