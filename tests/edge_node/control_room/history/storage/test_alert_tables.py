"""The alerts' tables are in every history, and what is raised is in a history that was built anew."""

from __future__ import annotations

from edge_node.control_room.history.recovery.rebuild import _AFTER_VERDICTS
from edge_node.control_room.history.storage import alert_tables
from edge_node.control_room.history.storage.tables import metadata


def test_all_of_them_are_known_and_carried_over() -> None:
    """By their names, which begin alike."""
    named = {table for table in metadata.sorted_tables if table.name.startswith("alert_")}
    assert named == set(alert_tables.ALL)
    assert named <= set(_AFTER_VERDICTS)
