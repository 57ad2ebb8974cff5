"""The folder of a training: its name, what it has while the training goes on, and how it ended."""

from __future__ import annotations

import csv
import subprocess
import sys
import time

import pytest

from converter.runs.run_folder import RunFolder, is_going_on, open_run
from converter.runs.run_record import read_run
from converter.runs.run_table import list_runs
from converter.training.steps.training_data import Validation
from edge_node.errors import DatasetError


def test_each_training_has_the_next_number(tmp_path):
    """Names of other runs, and numbers that were deleted in between, change nothing."""
    (tmp_path / "steel-7").mkdir()
    (tmp_path / "steel-own-9").mkdir()
    for name, path in (
        ("steel", "steel-8"),
        ("steel", "steel-9"),
        ("my graph", "my-graph-1"),
        ("..", "run-1"),
    ):
        with open_run(tmp_path, name) as run:
            assert run.path == tmp_path / path
            assert is_going_on(run.path)
        assert not is_going_on(tmp_path / path)
        assert read_run(tmp_path / path).state == "finished"


def test_curves_tell_one_training_from_the_next(tmp_path):
    """Trainings may go on side by side; every validation is on disk at once, with the training's number."""
    with open_run(tmp_path, "plates", steps=20) as run:
        for training, step in ((1, 10), (2, 10), (1, 20)):
            run.add_validation(training, Validation(step, 0.5, 0.25, {"steel": 0.75}))
        rows = list(csv.DictReader((run.path / "curves.csv").read_text(encoding="utf-8").splitlines()))
        assert [(row["training"], row["step"]) for row in rows] == [("1", "10"), ("2", "10"), ("1", "20")]
        assert rows[0]["accuracy steel"] == "0.75"
        assert read_run(run.path).steps_done == 20
    assert (run.path / "curves.png").read_bytes()[1:4] == b"PNG"


def _train_until_the_disk_is_full(run: RunFolder) -> None:
    run.add_validation(1, Validation(1, 0.5, 0.25, {}))
    raise DatasetError("no disk")


def test_how_a_training_ended_is_written(tmp_path):
    """Ctrl-C interrupts it, an error fails it with its sentence; one that never began leaves no folder."""
    with pytest.raises(KeyboardInterrupt), open_run(tmp_path, "a"):
        raise KeyboardInterrupt
    with pytest.raises(DatasetError), open_run(tmp_path, "b") as run:
        _train_until_the_disk_is_full(run)
    with pytest.raises(DatasetError), open_run(tmp_path, "c"):
        raise DatasetError("no pictures")
    assert [(run.name, run.state, run.problem) for run in list_runs(tmp_path)] == [
        ("a-1", "interrupted", ""),
        ("b-1", "failed", "no disk"),
    ]


def test_a_killed_training_does_not_go_on(tmp_path):
    """No process is left to write that it ended; while it lives it is seen to run."""
    code = (
        "import sys, time; from pathlib import Path; from converter.runs.run_folder import open_run\n"
        "with open_run(Path(sys.argv[1]), 'a'): print('made', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        assert list_runs(tmp_path)[0].state == "running"
        process.kill()
        process.wait()
    assert list_runs(tmp_path)[0].state == "interrupted"
    assert time.strptime(list_runs(tmp_path)[0].started_at, "%Y-%m-%dT%H:%M:%SZ")
