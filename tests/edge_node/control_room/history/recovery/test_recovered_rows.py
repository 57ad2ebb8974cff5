"""Rows are found by the way from their table's first page, and where that is damaged by what they hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.recovery.page_file import TABLE_BRANCH, PageFile
from edge_node.control_room.history.recovery.recovered_rows import RecoveredRows
from edge_node.control_room.history.storage import tables
from tests.support.damaged_histories import FINDINGS, PAGE_BYTES, ROBOTS, VERDICTS, fill
from tests.support.older_histories import ADDED_TO_0_8_0, OF_0_5_0

if TYPE_CHECKING:
    from pathlib import Path


def _positions(path: Path) -> list[int]:
    rows = RecoveredRows(path)
    found = [row["position"] for row in rows.rows(tables.verdict_message)]
    rows.close()
    return found


def test_rows_come_in_the_order_of_their_keys(tmp_path: Path) -> None:
    """Messages in the order of arrival, and rows of a table that is an index."""
    fill(tmp_path)
    assert _positions(tmp_path / NAME) == list(range(1, ROBOTS * VERDICTS + 1))
    rows = RecoveredRows(tmp_path / NAME)
    assert len(list(rows.rows(tables.review))) == ROBOTS * FINDINGS
    assert [row["last_seq"] for row in rows.rows(tables.arrived)] == [VERDICTS] * ROBOTS
    rows.close()


def test_rows_below_a_damaged_branch_are_found(tmp_path: Path) -> None:
    """Every branch of every table overwritten: the leaves tell by themselves which table they are of."""
    fill(tmp_path)
    file = PageFile(tmp_path / NAME)
    branches = [number for number in range(2, file.pages + 1) if file.kind(number) == TABLE_BRANCH]
    file.close()
    content = bytearray((tmp_path / NAME).read_bytes())
    for number in branches:
        content[(number - 1) * PAGE_BYTES : number * PAGE_BYTES] = b"\xff" * PAGE_BYTES
    (tmp_path / NAME).write_bytes(content)
    assert branches
    assert _positions(tmp_path / NAME) == list(range(1, ROBOTS * VERDICTS + 1))


def test_columns_that_came_later_stand_behind_the_first_ones() -> None:
    """A row is read by the order of its columns: a new column must not come between those of old files."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(OF_0_5_0 + ADDED_TO_0_8_0)
        for table in tables.metadata.sorted_tables:
            old = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
            assert [column.name for column in table.c][: len(old)] == old
