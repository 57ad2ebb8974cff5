"""``run.json``: written whole, read again, and refused with its name."""

from __future__ import annotations

import pytest

from converter.runs.run_record import RunRecord, StageFigures, read_run, write_run
from edge_node.errors import DatasetError


def test_a_record_is_read_as_it_was_written(tmp_path):
    """With its figures; keys of a later version are passed over."""
    figures = StageFigures(
        stage="steel", pictures_of="test", pictures=2, groups=1, right=0.5, crossover={"a": {"a": 1, "b": 1}}
    )
    record = RunRecord(
        name="steel-1", state="finished", started_at="2026-11-30T18:00:00Z", measured=(figures,)
    )
    write_run(tmp_path, record)
    assert read_run(tmp_path) == record
    path = tmp_path / "run.json"
    path.write_text(path.read_text(encoding="utf-8").replace("{", '{"later": 1,', 1), encoding="utf-8")
    assert read_run(tmp_path) == record


def test_a_broken_record_is_named(tmp_path):
    """The file and what is wrong."""
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"run\.json: cannot be read"):
        read_run(tmp_path)
