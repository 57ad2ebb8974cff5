"""The tables of the spool's file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edge_node.spool.schema import COLUMNS, GIVEN_UP_SCHEMA, SCHEMA, upgrade


def test_the_columns_are_those_of_the_tables_in_their_order() -> None:
    """Rows are copied from one table to the other by these names; a second start makes no table twice."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA + GIVEN_UP_SCHEMA + GIVEN_UP_SCHEMA)
    for table in ("message", "quarantine"):
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        assert names[: len(COLUMNS.split(", "))] == COLUMNS.split(", ")
    connection.close()


def test_a_file_of_an_older_version_gets_the_present_indexes_and_keeps_its_rows() -> None:
    """A second time nothing changes; the older version's own statements still work on it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript((Path(__file__).parent / "older_spool.sql").read_text())
    before = connection.execute("SELECT * FROM message").fetchall()
    for _ in range(2):
        upgrade(connection)
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        assert found.fetchall() == [("message_beside_verdicts",)]
    assert connection.execute("SELECT * FROM message").fetchall() == before
    insert = "INSERT INTO message (kind, seq, epoch, keep, appended_at_s, crc, correlation, payload)"
    connection.execute(f"{insert} VALUES ('verdict', 6, 'e', 1, 0.0, 0, x'', x'')")
    older = "SELECT position FROM message WHERE kind = ? AND position > ? ORDER BY position LIMIT 64"
    assert connection.execute(older, ("verdict", 4)).fetchall() == [(5,), (7,)]
    connection.close()
