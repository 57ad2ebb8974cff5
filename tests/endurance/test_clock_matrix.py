"""Every cell of the clock matrix is as it must be."""

from __future__ import annotations

import pytest

from tests.endurance.clock_matrix import CELLS, ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_a_clock_that_is_set_changes_nothing_that_counts(tmp_path, row):
    """An open finding, a trial, a signed command and the ids of commands, with this step of the clock."""
    wrong = {}
    for name, make in CELLS.items():
        (tmp_path / name).mkdir(mode=0o700)
        cell = make(row, tmp_path / name)
        if not cell.is_good:
            wrong[name] = cell.text
    assert wrong == {}
