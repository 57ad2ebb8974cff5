"""The tables of the spool's file."""

from __future__ import annotations

import sqlite3

from edge_node.spool.schema import COLUMNS, GIVEN_UP_SCHEMA, SCHEMA


def test_the_columns_are_those_of_the_tables_in_their_order() -> None:
    """Rows are copied from one table to the other by these names; a second start makes no table twice."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA + GIVEN_UP_SCHEMA + GIVEN_UP_SCHEMA)
    for table in ("message", "quarantine"):
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        assert names[: len(COLUMNS.split(", "))] == COLUMNS.split(", ")
    connection.close()
