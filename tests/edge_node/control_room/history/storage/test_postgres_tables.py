"""Partitions by week, and the constraints that stop a verdict which comes again."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, func, insert, select

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage import postgres_tables
from edge_node.control_room.history.storage.postgres_tables import WEEK_US, find_week, name_partition
from edge_node.control_room.history.storage.tables import arrived, verdict
from tests.support.verdicts import verdict as make_verdict

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace


@pytest.mark.parametrize(
    ("received_us", "name"),
    [
        (0, "verdict_week_0"),
        (WEEK_US, "verdict_week_1"),
        (-1, "verdict_week_before_1"),
        ((1 << 63) - 1, "verdict_week_15000000"),
        (-(1 << 63), "verdict_week_before_15000000"),
    ],
)
def test_each_time_has_a_partition(received_us: int, name: str) -> None:
    """Whatever a clock says; the statements that make it stay within 64 bits."""
    week = find_week(received_us)
    assert name_partition(week) == name
    edges = [
        int(word.strip("()"))
        for word in list(postgres_tables.list_partition_statements(week))[-1].split()
        if word.strip("(-)").isdigit()
    ]
    assert edges
    assert all(-(1 << 63) <= edge < 1 << 63 for edge in edges)


def test_two_constraints_stop_a_verdict_that_comes_again(
    tmp_path: Path, postgres_place: DatabasePlace
) -> None:
    """Within a week the partition's index; over all weeks the set of an epoch's numbers."""
    with closing(History(tmp_path, place=postgres_place)) as history:
        history.add_verdict(make_verdict(1, "U"))
        database = history.database
        again = insert(verdict).from_select(
            [column.name for column in verdict.c if column.name != "position"],
            select(*(column for column in verdict.c if column.name != "position")),
        )
        with pytest.raises(HistoryError, match="duplicate key"):
            database.write(again)
        database.write(delete(verdict))
        assert history.count_verdicts() == 0
        assert not history.add_verdict(make_verdict(1, "U")), "its number is known without its row"
        numbers = database.rows(select(postgres_tables.arrived_numbers.c.numbers))[0][0]
        assert [(span.lower, span.upper) for span in numbers] == [(1, 2)]
        assert database.rows(select(func.count()).select_from(arrived)) == [(1,)]
