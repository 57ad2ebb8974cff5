"""Rows of the spool: which are dropped first, and what a log shows of one."""

from __future__ import annotations

from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep, Row


def test_a_shadows_rows_are_dropped_first_and_corroded_ones_last() -> None:
    """The numbers are in the database of every robot: they stay as they are."""
    assert sorted(Keep) == [Keep.LEAST, Keep.LOW, Keep.NORMAL, Keep.HIGH, Keep.ALWAYS]
    assert [int(keep) for keep in sorted(Keep)] == [-1, 0, 1, 2, 3]


def test_a_row_is_shown_without_its_payload() -> None:
    """A log line has no room for a megabyte."""
    assert "secret" not in repr(Row(1, Kind.VERDICT, 1, "e", Keep.LOW, 0.0, b"secret"))
