"""``converter runs``: the table over the run folders, for people and for programs."""

from __future__ import annotations

import json

from converter.cli.training import runs as runs_cli
from converter.runs.run_folder import open_run
from tests.support.subcommands import run


def test_runs_are_listed_for_people_and_programs(tmp_path, monkeypatch, capsys):
    """Without a folder it is ``runs``, where ``retrain`` leaves them; no runs are no error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    assert run(runs_cli) == 0
    assert "no runs yet" in capsys.readouterr().out
    with open_run(tmp_path / "runs", "steel", steps=4, architecture="mobilenet_v2"):
        pass
    assert run(runs_cli) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split()[0] == "run"
    assert {"steel-1", "mobilenet_v2"} <= set(line.split())
    assert run(runs_cli, "--json", tmp_path / "runs") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["name"], found["state"]) == ("steel-1", "finished")
