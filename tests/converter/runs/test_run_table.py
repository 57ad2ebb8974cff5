"""The table over the runs: finished, interrupted, unreadable ones, and those of several stages."""

from __future__ import annotations

import pytest

from converter.runs.run_record import RunRecord, StageFigures, write_run
from converter.runs.run_table import format_rows, list_runs
from edge_node.errors import DatasetError


def _figures(stage: str, right: float, pictures_of: str = "test") -> StageFigures:
    return StageFigures(
        stage=stage, pictures_of=pictures_of, pictures=20, groups=5, right=right, crossover={}
    )


def test_each_run_tells_its_accuracy_with_its_pictures(tmp_path):
    """A cascade has a row for each stage; an interrupted or unreadable run says so in its place."""
    records = [
        RunRecord(
            name="plates-1",
            state="finished",
            started_at="2026-11-30T18:00:00Z",
            recipe="plates.toml",
            architecture="efficientnet_lite0",
            steps=60,
            steps_done=60,
            pictures=48,
            measured=(
                _figures("material", 0.9, "left-out groups"),
                _figures("material", 0.8, "left-out sources"),
                _figures("steel", 0.95),
            ),
            graphs=("/g/material.pb", "/g/steel.pb"),
        ),
        RunRecord(
            name="steel-1", state="running", started_at="2026-11-30T19:00:00Z", steps=1000, steps_done=400
        ),
    ]
    for record in records:
        (tmp_path / record.name).mkdir()
        write_run(tmp_path / record.name, record)
    (tmp_path / "broken-1").mkdir()
    (tmp_path / "broken-1" / "run.json").touch()
    (tmp_path / "no-run").mkdir()
    rows = format_rows(list_runs(tmp_path))
    assert [row[0] for row in rows] == ["broken-1", "plates-1", "", "steel-1"]
    assert "run.json: cannot be read" in rows[0][5]
    assert rows[1][1:] == (
        "2026-11-30 18:00",
        "plates.toml, efficientnet_lite0",
        "60",
        "48",
        "material 80.0% of 20, left-out sources",
        "/g/material.pb",
    )
    assert rows[2][5:] == ("steel 95.0% of 20, test", "/g/steel.pb")
    assert (rows[3][3], rows[3][5]) == ("400 of 1000", "interrupted")
    assert [run.name for run in list_runs(tmp_path / "plates-1")] == ["plates-1"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    """With what makes it."""
    with pytest.raises(DatasetError, match="absent: no such folder; `converter retrain` makes it"):
        list_runs(tmp_path / "absent")
