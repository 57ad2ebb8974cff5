"""Columns of the history's tables."""

from __future__ import annotations

from edge_node.control_room.history.storage.columns import key_column, number_column, text_column


def test_columns_are_filled_unless_they_are_optional() -> None:
    """Older programs insert into a new column what its default is."""
    assert not number_column("count", default=0).nullable
    assert number_column("count", default=0).server_default is not None
    assert text_column("name", optional=True).nullable
    assert key_column("key").primary_key
